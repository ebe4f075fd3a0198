"""``GET /metrics``: what ``patchbay.metrics`` counted, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from patchbay.metrics import Family, Histogram, Labels, Metrics
from patchbay.web.call import Call
from patchbay.web.operations import Operations

log = structlog.get_logger(__name__)
OPERATIONS = Operations("Operations", {"metrics.read": "Read the gateway's metrics"})


class MetricsCollector(Collector):
    """Reads the plain numbers when Prometheus scrapes."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for family in self._metrics:
            yield from _metrics_of(family)


@OPERATIONS.get("/metrics", "metrics.read", root="", produces=("text/plain",))
async def show_metrics(call: Call) -> web.StreamResponse:
    """Show metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MetricsCollector(call.gateway.metrics))
    encode, content_type = choose_encoder(call.request.headers.get("Accept", ""))
    return web.Response(body=encode(registry), headers={"Content-Type": content_type})


def _metrics_of(family: Family) -> Iterator[Metric]:
    if family.counters:
        names = _label_names(family.counters)
        counters = CounterMetricFamily(family.name.removesuffix("_total"), family.help, labels=names)
        for labels, counter in family.counters.items():
            counters.add_metric([value for _, value in labels], counter.value)
        yield counters
    if family.readings:
        readings = CounterMetricFamily(
            family.name.removesuffix("_total"), family.help, labels=_label_names(family.readings)
        )
        for labels, read in family.readings.items():
            readings.add_metric([value for _, value in labels], read())
        yield readings
    if family.histograms:
        names = _label_names(family.histograms)
        histograms = HistogramMetricFamily(family.name, family.help, labels=names)
        for labels, histogram in family.histograms.items():
            histograms.add_metric([value for _, value in labels], _cumulative(histogram), histogram.total)
        yield histograms
    if family.gauges:
        gauges = GaugeMetricFamily(family.name, family.help, labels=_label_names(family.gauges))
        for labels, read in family.gauges.items():
            try:
                gauges.add_metric([value for _, value in labels], read())
            except Exception as error:  # one part that cannot be asked must not hide all others
                log.warning("a gauge could not be read", name=family.name, error=repr(error))
        yield gauges


def _label_names(series: Mapping[Labels, object]) -> list[str]:
    return [name for name, _ in next(iter(series))]


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    seen = 0
    found: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.buckets, strict=True):
        seen += count
        found.append((bound, float(seen)))
    return found
