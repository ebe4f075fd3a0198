"""The gateway of the data protection tests: it has jobs."""

from tests.core.privacy.conftest import clock, gateway, graph, house

__all__ = ["clock", "gateway", "graph", "house"]
