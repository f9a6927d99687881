"""What is written into which file of a run's group, for each ceiling."""

from typing import Any

import pytest

from jobd.supervisor.cgroup_v1 import v1_settings
from jobd.supervisor.cgroup_v2 import v2_settings
from jobd.supervisor.spec import Spec

ALL = frozenset({"memory", "cpu", "io", "pids"})


def _spec(**ceilings: Any) -> Spec:
    return Spec(
        {
            "run": {"run_id": "r", "attempt": 1}, "argv": ["x"], "env": {}, "cwd": "/",
            "output": "/o", "output_max_bytes": 1, "stop_signal": 15, "kill_after_s": 1,
            "umask": 0, **ceilings,
        }
    )  # fmt: skip


def test_v2_has_every_ceiling_before_a_forked_child_enters() -> None:
    spec = _spec(
        memory_max_bytes=1 << 26, memory_high_bytes=1 << 25, cpu_max=1.5, cpu_weight=50,
        io_weight=300, pids_max=9,
    )  # fmt: skip
    first, then = v2_settings(spec, ALL, is_inside=False)
    assert dict(first) == {
        "memory.max": "67108864", "memory.high": "33554432", "memory.swap.max": "0",
        "memory.oom.group": "1", "cpu.max": "150000 100000", "cpu.weight": "50",
        "io.weight": "default 300", "pids.max": "9",
    }  # fmt: skip
    assert then == []


def test_v2_throttles_instead_of_killing_while_the_supervisor_is_inside() -> None:
    first, then = v2_settings(_spec(memory_max_bytes=1 << 26), ALL, is_inside=True)
    assert dict(first) == {"memory.swap.max": "0", "memory.high": "67108864"}
    assert then == [("memory.max", "67108864"), ("memory.oom.group", "1"), ("memory.high", "max")]


def test_v2_keeps_the_lower_of_both_memory_ceilings_throughout() -> None:
    spec = _spec(memory_max_bytes=1 << 26, memory_high_bytes=1 << 25)
    first, then = v2_settings(spec, ALL, is_inside=True)
    assert ("memory.high", "33554432") in first
    assert then == [("memory.max", "67108864"), ("memory.oom.group", "1")]


def test_v2_leaves_alone_what_it_was_not_handed() -> None:
    spec = _spec(memory_max_bytes=1 << 26, cpu_max=1, io_weight=5, pids_max=5)
    assert v2_settings(spec, frozenset({"pids"}), is_inside=False) == ([("pids.max", "5")], [])


def test_no_ceilings_no_writes() -> None:
    assert v2_settings(_spec(), ALL, is_inside=True) == ([], [])


def test_v1_kills_nobody_while_the_supervisor_is_inside() -> None:
    spec = _spec(memory_max_bytes=1 << 26, memory_high_bytes=1 << 25)
    first, then = v1_settings(spec, "memory", is_inside=True, has_swap=True)
    assert first == [
        ("memory.limit_in_bytes", "67108864"), ("memory.memsw.limit_in_bytes", "67108864"),
        ("memory.soft_limit_in_bytes", "33554432"),
    ]  # fmt: skip
    assert then == [("memory.oom_control", "0")]


def test_v1_kills_at_once_when_the_child_enters_by_itself() -> None:
    first, then = v1_settings(_spec(memory_max_bytes=1 << 26), "memory", is_inside=False)
    assert ("memory.oom_control", "0") in first
    assert then == []


@pytest.mark.parametrize(
    ("ceilings", "file", "value"),
    [
        ({"cpu_max": 0.001}, "cpu.cfs_quota_us", "1000"),
        ({"cpu_max": 2.0}, "cpu.cfs_quota_us", "200000"),
        ({"cpu_weight": 100}, "cpu.shares", "1024"),
        ({"cpu_weight": 1}, "cpu.shares", "10"),
        ({"cpu_weight": 10_000}, "cpu.shares", "102400"),
    ],
)
def test_v1_cpu(ceilings: dict[str, Any], file: str, value: str) -> None:
    assert v1_settings(_spec(**ceilings), "cpu", is_inside=False)[0] == [(file, value)]


def test_v1_io_weights_stay_in_their_narrower_range() -> None:
    def weight(value: int) -> list[tuple[str, str]]:
        spec = _spec(io_weight=value)
        return v1_settings(spec, "blkio", False, io_weight="blkio.bfq.weight")[0]

    assert weight(1) == [("blkio.bfq.weight", "10")]
    assert weight(10_000) == [("blkio.bfq.weight", "1000")]
