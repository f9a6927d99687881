"""The node's own figures: the store, the loop, the configuration, the supervisor, pools."""

import platform
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from jobd import __version__
from jobd.core.ledger import SkipReason
from jobd.core.view import NodeView

# In seconds. Lateness: from what the event loop alone costs to a catch-up after an outage.
LATENESS_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 3600.0)
LATENCY_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

# The operations of jobd.ports.Store; another one appears once it is first called.
STORE_OPERATIONS = (
    "open",
    "ping",
    "enrol",
    "orphans",
    "claim",
    "skip",
    "void_skips_after",
    "save_run",
    "finish",
    "save_pause",
    "save_skip_next",
    "note",
    "audit",
    "run",
    "runs",
    "ticks",
    "skip_counts",
    "usage",
    "happened",
    "prune",
)

_HOLDING = (SkipReason.MAX_RUNNING, SkipReason.MEMORY_BUDGET, SkipReason.PRESSURE)
_LAGS_KEPT = 60


class Histogram:
    """Counts of observed seconds between fixed bounds."""

    __slots__ = ("_bounds", "_counts", "_sum_s")

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self._bounds = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum_s += seconds

    def add_to(self, family: HistogramMetricFamily, labels: tuple[str, ...] = ()) -> None:
        """Add what was counted as one series of ``family``."""
        bounds = (*(repr(bound) for bound in self._bounds), "+Inf")
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        family.add_metric(labels, buckets, self._sum_s)


@dataclass(slots=True)
class _StoreCalls:
    latency: Histogram = field(default_factory=lambda: Histogram(LATENCY_BOUNDS_S))
    errors: int = 0


class NodeFigures(Collector):
    """State of the node's metrics; ``view`` is asked when they are read."""

    def __init__(self, view: Callable[[], NodeView]) -> None:
        self._view = view
        self._store_calls = {operation: _StoreCalls() for operation in STORE_OPERATIONS}
        self._lags_s: deque[float] = deque(maxlen=_LAGS_KEPT)
        self._clock_jumps = {"forward": 0, "backward": 0}
        self.lateness = Histogram(LATENESS_BOUNDS_S)
        self.is_store_up = False
        self.is_history_kept = True
        self.is_supervisor_up = False
        self.did_reload_succeed = False
        self.reload_success_timestamp_s = 0.0
        self.renewals_failed = 0
        self.clock_offset_s = 0.0

    def store_call(self, operation: str, seconds: float, ok: bool) -> None:
        """Count a call to the store; the last one tells whether the store is up."""
        self.node_call(operation, seconds, ok)
        self.is_store_up = ok

    def node_call(self, operation: str, seconds: float, ok: bool) -> None:
        """Count a call to a node's own store, in a cluster that has another one."""
        calls = self._store_calls.get(operation)
        if calls is None:
            calls = self._store_calls[operation] = _StoreCalls()
        calls.latency.observe(seconds)
        calls.errors += not ok

    def loop_lag(self, seconds: float) -> None:
        """Remember by how much the event loop was late for a timer."""
        self._lags_s.append(seconds)

    def clock_jumped(self, by_s: float) -> None:
        """Count a step of the wall clock."""
        self._clock_jumps["forward" if by_s > 0 else "backward"] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the node's families, for prometheus-client's renderers."""
        view = self._view()  # once: it looks at every job
        yield _build_info()
        yield from _admission(view)
        yield from self._gauges()
        yield from _pools(view)
        yield from self._store()
        yield from self._cluster()
        lateness = HistogramMetricFamily(
            "jobd_start_lateness_seconds",
            "From a tick's due time, jitter included, to the execution of its first attempt.",
        )
        self.lateness.add_to(lateness)
        yield lateness
        jumps = CounterMetricFamily(
            "jobd_clock_jumps", "Steps of the wall clock that were seen.", labels=["direction"]
        )
        for direction, count in self._clock_jumps.items():
            jumps.add_metric([direction], count)
        yield jumps

    def _cluster(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "jobd_lease_renew_failures",
            "Leases that could not be renewed when it was tried.",
            value=self.renewals_failed,
        )
        yield _gauge(
            "jobd_clock_offset_seconds",
            "The store's clock less this node's, as last measured.",
            self.clock_offset_s,
        )

    def _gauges(self) -> Iterator[Metric]:
        yield _gauge(
            "jobd_loop_lag_seconds",
            f"How late the event loop was: the worst of the last {_LAGS_KEPT} measurements.",
            max(self._lags_s, default=0.0),
        )
        yield _gauge("jobd_supervisor_up", "1 while the supervisor answers.", self.is_supervisor_up)
        yield _gauge(
            "jobd_config_last_reload_successful",
            "1 if the configuration, when last read, was good.",
            self.did_reload_succeed,
        )
        yield _gauge(
            "jobd_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read.",
            self.reload_success_timestamp_s,
        )

    def _store(self) -> Iterator[Metric]:
        yield _gauge("jobd_store_up", "1 if the store answered its last call.", self.is_store_up)
        yield _gauge("jobd_history_kept", "1 while runs are recorded.", self.is_history_kept)
        latency = HistogramMetricFamily(
            "jobd_store_latency_seconds", "Duration of calls to the store.", labels=["operation"]
        )
        errors = CounterMetricFamily(
            "jobd_store_errors", "Calls to the store that failed.", labels=["operation"]
        )
        for operation, calls in self._store_calls.items():
            calls.latency.add_to(latency, (operation,))
            errors.add_metric([operation], calls.errors)
        yield latency
        yield errors


def _admission(view: NodeView) -> Iterator[Metric]:
    yield _gauge("jobd_jobs", "Configured jobs.", view.jobs)
    yield _gauge("jobd_running", "Attempts that hold a place.", view.running)
    yield _gauge("jobd_max_running", "Places for attempts.", view.max_running)
    yield _gauge(
        "jobd_waiting", "Ticks, manual runs and retries that may not start yet.", view.waiting
    )
    yield _gauge("jobd_max_waiting", "Places in the queue.", view.max_waiting)
    yield _gauge("jobd_stopping", "1 once the daemon starts nothing more.", view.is_stopping)
    yield _gauge("jobd_draining", "1 while an operator's drain holds.", view.is_draining)
    holding = GaugeMetricFamily(
        "jobd_admission_holding",
        "1 while this holds back what wants to start on this node.",
        labels=["reason"],
    )
    for reason in _HOLDING:
        holding.add_metric([reason], reason in view.room.holding)
    yield holding
    yield _gauge(
        "jobd_memory_reserved_bytes",
        "Memory that running attempts may take together.",
        view.room.memory_reserved_bytes,
    )
    yield _gauge(
        "jobd_memory_budget_bytes",
        "What may be reserved at most; 0 for no bound.",
        view.room.memory_budget_bytes or 0,
    )


def _pools(view: NodeView) -> Iterator[Metric]:
    running = GaugeMetricFamily("jobd_pool_running", "Slots that are taken.", labels=["pool"])
    size = GaugeMetricFamily("jobd_pool_size", "Slots of the pool.", labels=["pool"])
    for pool in view.pools:
        running.add_metric([pool.name], pool.running)
        size.add_metric([pool.name], pool.size)
    yield running
    yield size


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _build_info() -> Metric:
    facts = {"version": __version__, "python": platform.python_version()}
    return InfoMetricFamily("jobd_build", "The running program.", value=facts)
