"""What `/metrics` tells, in Prometheus' text format. Names and labels as in STANDARDS.md, 2i; never an order's number.

Counts of the intake are kept in plain dictionaries, since a label look-up of the client library costs more than an event
may; they become metric families when they are asked for, beside figures read from the views. `METRICS` documents each.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from engine.append.appender import ACCEPTED, DEAD, DIVERGENT, DUPLICATE, Outcome
from engine.intake.model import DeadLetter, Incoming
from schemas.registry import TYPES

SOURCES_MAX = 200
"""Senders choose their sources: those beyond this many are counted together as `other`."""

METRICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "orderfold_events_ingested": ("counter", "Events kept", ("source", "type")),
    "orderfold_events_duplicate": ("counter", "Events dropped: source and id were known", ("source",)),
    "orderfold_events_late": ("counter", "Facts that occurred before what their order already knew", ()),
    "orderfold_intake_rejected": ("counter", "Events not taken", ("source", "reason")),
    "orderfold_intake_ack_duration_seconds": (
        "histogram",
        "From a request's last byte to its durable answer",
        (),
    ),
    "orderfold_commit_duration_seconds": ("histogram", "One group of events appended and folded", ()),
    "orderfold_commit_events": ("histogram", "Events in a group", ()),
    "orderfold_intake_waiting_events": ("gauge", "Events handed in and not yet durable", ()),
    "orderfold_projection_lag_seconds": (
        "gauge",
        "Age of the oldest change not yet in the views",
        ("projection",),
    ),
    "orderfold_projection_position": ("gauge", "Log position the views tell of", ("projection", "partition")),
    "orderfold_orders_in_state": ("gauge", "Orders by state", ("state",)),
    "orderfold_orders_frozen": ("gauge", "Frozen orders by the type of the offending event", ("reason",)),
    "orderfold_orders_in_doubt": ("gauge", "Orders waiting for news that makes their path legal", ()),
    "orderfold_streams_in_limbo": ("gauge", "Numbers with facts and no order", ()),
    "orderfold_orders_overdue": ("gauge", "Orders past a deadline that still runs", ()),
    "orderfold_sla_orders": ("gauge", "Orders with a running clock, by colour", ("colour",)),
    "orderfold_sla_timers_pending": ("gauge", "Streams waiting for an instant", ()),
    "orderfold_merges": (
        "gauge",
        "Suggestions and batches of the last days by what they stand at",
        ("status",),
    ),
    "orderfold_work_items": ("gauge", "Open work items", ()),
    "orderfold_notices": ("gauge", "Intents to tell somebody, by what became of them", ("status",)),
    "orderfold_notice_attempts": ("counter", "Attempts to tell people, by delivery", ("via", "outcome")),
    "orderfold_webhook_attempts": ("counter", "Attempts to tell endpoints", ("endpoint", "outcome")),
    "orderfold_dlq_messages": ("gauge", "Dead letters waiting", ("source",)),
    "orderfold_source_last_event_timestamp_seconds": (
        "gauge",
        "When a source was last heard of",
        ("source",),
    ),
    "orderfold_health_index": ("gauge", "Health of all channels, 0 to 100, weighted by orders", ()),
    "orderfold_channel_score": ("gauge", "Health of a channel, 0 to 100", ("channel",)),
    "orderfold_channel_last_event_timestamp_seconds": (
        "gauge",
        "End of the last minute in which a stage of a channel told anything",
        ("channel", "stage"),
    ),
    "orderfold_channel_silent": (
        "gauge",
        "1 while a stage is silent for longer than usual",
        ("channel", "stage"),
    ),
    "orderfold_dispatch_paused": ("gauge", "1 while too few addresses can be read", ("channel",)),
    "orderfold_node_score": ("gauge", "Availability of a node, 0 to 100, smoothed", ("node",)),
    "orderfold_breaker_state": ("gauge", "0 closed, 1 half open, 2 open", ("node",)),
    "orderfold_build_info": ("gauge", "1, labelled with the release", ("version",)),
}
"""Name (without `_total`) → kind, help, labels. A test holds README and answer to this table."""

Figures = Mapping[str, Iterable[tuple[tuple[str, ...], float]]]
"""Metric name → (label values, value) pairs."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_EVENTS = (1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2000.0)


class Buckets:
    """A histogram of fixed bounds. One thread writes each."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self._sum += value

    def family(self, name: str, text: str) -> Metric:
        buckets, total = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """Counts of one process. `figures` is asked, at each scrape, for what the views and the store tell."""

    def __init__(self, version: str, figures: Callable[[], Figures] = dict) -> None:
        self.figures = figures
        self.ack = Buckets(_SECONDS)
        self._version = version
        self._commit = Buckets(_SECONDS)
        self._commit_events = Buckets(_EVENTS)
        self._ingested: dict[tuple[str, str], int] = {}
        self._duplicate: dict[tuple[str], int] = {}
        self._rejected: dict[tuple[str, str], int] = {}
        self._heard: dict[tuple[str], float] = {}
        self._sources: set[str] = set()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def taken(self, items: Sequence[Incoming | DeadLetter], outcomes: Sequence[Outcome], now: float) -> None:
        """Count what became of a request's events; `now` in seconds."""
        ingested = self._ingested
        for item, outcome in zip(items, outcomes, strict=True):
            status = outcome.status
            if status == DEAD or isinstance(item, DeadLetter):
                assert isinstance(item, DeadLetter)
                self._add(self._rejected, (self._source(item.source), item.reason))
                continue
            source = self._source(item.event.source)
            if status == ACCEPTED:
                key = (source, item.event.type if item.event.type in TYPES else "unknown")
                ingested[key] = ingested.get(key, 0) + 1
                self._heard[(source,)] = now
            elif status == DUPLICATE:
                self._duplicate[(source,)] = self._duplicate.get((source,), 0) + 1
                self._heard[(source,)] = now
            else:
                self._add(self._rejected, (source, "divergent" if status == DIVERGENT else status))

    def committed(self, events: int, seconds: float) -> None:
        """Count one group commit."""
        self._commit.add(seconds)
        self._commit_events.add(events)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        figures: dict[str, Iterable[tuple[tuple[str, ...], float]]] = {
            "orderfold_events_ingested": list(self._ingested.items()),
            "orderfold_events_duplicate": list(self._duplicate.items()),
            "orderfold_intake_rejected": list(self._rejected.items()),
            "orderfold_source_last_event_timestamp_seconds": list(self._heard.items()),
            "orderfold_build_info": [((self._version,), 1)],
            **self.figures(),
        }
        histograms = {
            "orderfold_intake_ack_duration_seconds": self.ack,
            "orderfold_commit_duration_seconds": self._commit,
            "orderfold_commit_events": self._commit_events,
        }
        for name, (kind, text, labels) in METRICS.items():
            if kind == "histogram":
                yield histograms[name].family(name, text)
                continue
            made = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family = made(name, text, labels=labels)
            for values, value in figures.get(name, ()):
                family.add_metric(values, value)
            yield family

    def _source(self, source: str) -> str:
        if source in self._sources:
            return source
        if len(self._sources) >= SOURCES_MAX:
            return "other"
        self._sources.add(source)
        return source

    @staticmethod
    def _add(counts: dict[tuple[str, str], int], key: tuple[str, str]) -> None:
        counts[key] = counts.get(key, 0) + 1
