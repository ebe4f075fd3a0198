"""The command line. Each command imports what it needs when it runs, so that help and version answer at once."""

from __future__ import annotations
