"""``patchbay openapi``: the description of the HTTP interface."""

from __future__ import annotations

import typer

from patchbay.cli.loading import Config, load


def openapi(ctx: typer.Context, config: Config = None) -> None:
    """Print the OpenAPI document of the HTTP interface, plugins' routes included."""
    import json

    loaded = load(ctx, config)
    from patchbay.web.app import declarations, resource_modules
    from patchbay.web.openapi import document

    operations = [operation for module in resource_modules() for operation in declarations(module)]
    operations.extend(loaded.registry.operations)
    print(json.dumps(document(operations, loaded.registry), indent=2, ensure_ascii=False))
