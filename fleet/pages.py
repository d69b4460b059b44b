"""The metrics of all shards on one page, each labelled with its shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cluster import Fleet

GAUGES = {
    "owned": "Patients that the shard has.",
    "up": "Whether the shard answers and is connected to the broker.",
    "restarts": "How often the shard was started again, since the coordinator was.",
    "lag_s": "How long the message that waits longest has waited, in seconds.",
    "unacknowledged": "Messages that no snapshot holds yet.",
    "snapshot_age_s": "Age of the last snapshot, in seconds.",
    "snapshot_bytes": "Size of the last snapshot.",
    "cpu_s": "Processor time of the shard's process, in seconds.",
}


class FleetPages:
    """Collects the shards' metrics when it is told to, and serves what it collected last.

    Parameters
    ----------
    fleet
        Whose they are.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._status: dict[str, Any] | None = None
        self._pages: dict[str, bytes] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def refresh(self) -> dict[str, Any]:
        """Ask all shards; give the status of the fleet."""
        self._status = self._fleet.status()
        self._pages = self._fleet.pages()
        return self._status

    def page(self) -> bytes:
        """Give everything in the Prometheus text format."""
        return generate_latest(self._registry)

    def wrong(self) -> str:
        """Say what is wrong with the fleet; nothing if all is well."""
        if self._status is None:
            return "the fleet has not been heard yet"
        down = [line["shard"] for line in self._status["shards"] if not line["up"]]
        if down:
            return f"not up: {', '.join(down)}"
        return "" if self._status["connected"] else "the coordinator has no connection to the broker"

    def collect(self) -> Iterable[Metric]:
        """Give all metrics, for the registry."""
        families: dict[str, Metric] = {}
        for shard, page in self._pages.items():
            for family in text_string_to_metric_families(page.decode()):
                kept = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    kept.add_sample(sample.name, {**sample.labels, "shard": shard}, sample.value)
        lines = self._status["shards"] if self._status is not None else []
        for key, what in GAUGES.items():
            gauge = GaugeMetricFamily(f"ecg_stream_fleet_{key.removesuffix('_s')}", what, labels=["shard"])
            for line in lines:
                if key in line:
                    gauge.add_metric([line["shard"]], float(line[key]))
            families[gauge.name] = gauge
        return families.values()
