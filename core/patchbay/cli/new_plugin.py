"""``patchbay new-plugin``: a distribution to begin with, which installs and passes its tests as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from patchbay.errors import ConfigError
from patchbay.scaffold import Kind


def new_plugin(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What it brings.", show_default=False)],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, such as pigeon-post.", show_default=False)],
    into: Annotated[Path, typer.Option(help="The folder to write the distribution into.")] = Path(),
) -> None:
    """Write a plugin to begin with: a distribution of its own that installs, and passes its tests as it is."""
    from patchbay.scaffold import distribution_of, write, wrong_name

    wrong = wrong_name(name)
    if wrong is not None:
        raise ConfigError(f"NAME: {name!r} {wrong}.")
    root = into / distribution_of(name)
    try:
        written = write(kind, name, into)
    except FileExistsError:
        raise ConfigError(f"NAME: {root} exists already; choose another name, or another folder --into.") from None
    except OSError as error:
        raise ConfigError(f"--into: {root} cannot be written: {error.strerror}.") from error
    for path in written:
        print(path)
    print(f"Read {root / 'README.md'} first; its tests: python -m pytest {root}")
