"""``python -m patchbay``, also installed as ``patchbay``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from patchbay.errors import ConfigError, PatchbayError, PluginError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code: 2, and one sentence, for a wrong setting or a required plugin's failure."""
    from patchbay.cli.app import command_line

    try:
        command_line()(args=arguments, prog_name="patchbay")
    except PatchbayError as error:
        print(" ".join(error.detail.split()) or type(error).__name__, file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ConfigError | PluginError) else 1) from None


if __name__ == "__main__":
    main()
