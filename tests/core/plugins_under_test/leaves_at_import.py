"""A plugin that would end the process that imports it."""

raise SystemExit(3)
