"""What the gateway counts, for Prometheus; no label holds customer data, and none grows without end."""

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily

from api.fleet import NOTHING_SEEN, Gauge, Seen

# Otherwise every counter and histogram comes with a second series that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without types

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MAX_IGNORED_TYPES = 50
_PLAIN_TYPE = re.compile(r"[a-z_]+(\.[a-z_]+){0,3}")
_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The counters of one gateway, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._webhooks = Counter("talkbridge_webhooks", "Webhooks by answer.", ["answer"], registry=self._registry)
        self._duplicates = Counter(
            "talkbridge_webhook_duplicates",
            "Redeliveries by how they were known: acknowledged lately, or the call is closed.",
            ["known_by"],
            registry=self._registry,
        )
        self._ignored = Counter(
            "talkbridge_webhooks_ignored", "Webhooks of types not handled.", ["event"], registry=self._registry
        )
        self._signal_seconds = Histogram(
            "talkbridge_signal_seconds",
            "From the decision to signal until Temporal acknowledged; what it did not acknowledge is not in it.",
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )
        self._requests = Counter(
            "talkbridge_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._ignored_types: set[str] = set()

    def webhook(self, answer: str) -> None:
        """Count a webhook by its answer."""
        self._webhooks.labels(answer).inc()

    def duplicate(self, known_by: str) -> None:
        """Count a redelivery."""
        self._duplicates.labels(known_by).inc()

    def ignored(self, event_type: str) -> None:
        """Count an event type that is not handled; the strange and the too many are counted together."""
        plain = len(event_type) <= 64 and _PLAIN_TYPE.fullmatch(event_type) is not None
        if plain and len(self._ignored_types) < _MAX_IGNORED_TYPES:
            self._ignored_types.add(event_type)
        self._ignored.labels(event_type if event_type in self._ignored_types else "other").inc()

    def signalled(self, seconds: float) -> None:
        """Observe how long Temporal took to acknowledge."""
        self._signal_seconds.observe(seconds)

    def request(self, method: str, route: str, status: int) -> None:
        """Count a request. `route` is the template, not the address: an address holds ids."""
        known = method if method in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE") else "other"
        self._requests.labels(known, route, str(status)).inc()

    def text(self, seen: Seen = NOTHING_SEEN) -> bytes:
        """Everything counted, and what was seen of the fleet, in Prometheus' text format."""
        fleet = CollectorRegistry()
        fleet.register(_Shown(seen))
        return generate_latest(self._registry) + generate_latest(fleet)


class _Shown:
    """What was seen of the fleet, as a collector: what is not there any more is not shown any more."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge, those without a value too."""
        for gauge in Gauge:
            family = GaugeMetricFamily(gauge.metric, gauge.meaning, labels=gauge.labels)
            for labels, value in self._seen.get(gauge, {}).items():
                family.add_metric(labels, value)
            yield family
