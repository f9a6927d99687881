"""Document: a simulation as JSON. Keys are stable: scripts read them."""

from collections.abc import Mapping
from typing import Any

from jobd.cli.instants import utc
from jobd.core.admission import UNKNOWN_BYTES
from jobd.simulate.curve import Curve
from jobd.simulate.expectation import ASSUMED_DURATION, Source
from jobd.simulate.figures import JobFigures, busiest, job_figures, skips_by_reason, sourced
from jobd.simulate.simulation import Replay, Simulation
from jobd.simulate.tally import Crowd

Json = Mapping[str, Any]


def document(simulation: Simulation, *, has_history: bool) -> Json:
    """Return everything that a simulation has to tell."""
    limits = simulation.config.limits
    still = simulation.without_jitter
    return {
        "from": utc(simulation.start),
        "until": utc(simulation.until),
        "wanted_until": utc(simulation.wanted_until),
        "is_shortened": simulation.is_shortened,
        "events": simulation.events,
        "node": simulation.config.daemon.node,
        "is_one_node_of_several": simulation.config.store.is_shared,
        "has_history": has_history,
        "limits": {
            "max_running": limits.max_running,
            "max_waiting": limits.max_waiting,
            "memory_budget_bytes": limits.memory_budget_bytes,
        },
        "assumed": {
            "duration_s": ASSUMED_DURATION.total_seconds(),
            "duration_of": list(sourced(simulation, "duration").get(Source.ASSUMED, ())),
            "memory_bytes": UNKNOWN_BYTES,
            "memory_of": list(sourced(simulation, "memory").get(Source.ASSUMED, ())),
        },
        "left_out": dict(simulation.left_out),
        "as_configured": _replay(simulation, simulation.configured),
        "without_jitter": None if still is None else _replay(simulation, still),
    }


def _replay(simulation: Simulation, replay: Replay) -> Json:
    tally = replay.tally
    return {
        "starts": replay.starts,
        "skipped": replay.skipped,
        "skips": {reason.value: count for reason, count in skips_by_reason(replay).items()},
        "most_running": _crowd(tally.most_running),
        "most_waiting": _crowd(tally.most_waiting),
        "most_memory_reserved": _crowd(tally.most_reserved),
        "busiest": [
            {**_known(busy.crowd), "days": busy.days}
            for busy in busiest(replay, simulation.config.daemon.timezone)
        ],
        "jobs": [_job(simulation, one) for one in job_figures(simulation, replay)],
        "slices": _slices(tally.curve),
    }


def _job(simulation: Simulation, figures: JobFigures) -> Json:
    expected = simulation.expectations[figures.job]
    return {
        "job": figures.job,
        "starts": figures.starts,
        "skipped": figures.skipped,
        "skips": {reason.value: count for reason, count in figures.skips.items()},
        "waiting_at_end": figures.waiting_at_end,
        "timeouts": figures.timeouts,
        "lateness_p50_s": figures.lateness.p50_s,
        "lateness_p99_s": figures.lateness.p99_s,
        "lateness_max_s": figures.lateness.max_s,
        "duration_s": figures.duration_s,
        "duration_from": expected.duration_source.value,
        "memory_from": expected.memory_source.value,
        "utilization_ratio": figures.utilization,
    }


def _crowd(crowd: Crowd | None) -> Json | None:
    return None if crowd is None else _known(crowd)


def _known(crowd: Crowd) -> Json:
    return {
        "at": utc(crowd.at),
        "running": crowd.load.running,
        "waiting": crowd.load.waiting,
        "memory_reserved_bytes": crowd.load.reserved_bytes,
        "jobs": list(crowd.jobs),
    }


def _slices(curve: Curve) -> list[Json]:
    return [
        {
            "from": utc(curve.begin_of(place)),
            "most_running": each.most_running,
            "most_waiting": each.most_waiting,
            "most_memory_reserved_bytes": each.most_reserved_bytes,
            "mean_running": each.running_s / curve.slice_s,
            "mean_memory_reserved_bytes": each.reserved_byte_s / curve.slice_s,
            "skipped": each.skips,
        }
        for place, each in enumerate(curve.slices)
    ]
