"""Plugins: found by entry point, imported one by one from the allow list, asked what they bring, and reported."""

from __future__ import annotations

from patchbay.plugins.loader import CORE, GROUP, HOOK_DEADLINE_S, Loaded, load_plugins
from patchbay.plugins.report import PluginReport, PluginState

__all__ = ["CORE", "GROUP", "HOOK_DEADLINE_S", "Loaded", "PluginReport", "PluginState", "load_plugins"]
