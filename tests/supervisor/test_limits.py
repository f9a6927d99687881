"""Ceilings on the whole tree, in force before its first instruction."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

MIB = 1 << 20
# Who has taken it all waits to be killed: the watcher looks only from time to time.
HOG = "block = bytearray(400 << 20)"


@pytest.fixture(params=[(), ("--tree", "cgroup1"), ("--no-limits",), ("--tree", "none")])
async def limiting_ward(request: pytest.FixtureRequest, ward: Any) -> Any:
    """By v1 groups beside a cgroup2 tree, by v1 alone, and by the watcher, twice."""
    await ward.open(*request.param)
    return ward


# A hog would go on for longer than its test: its ceiling is what ends it.
async def test_a_hog_is_killed_at_its_ceiling(limiting_ward: Any) -> None:
    end = await limiting_ward.run(
        limiting_ward.python(
            "hog", HOG + "\nimport time; time.sleep(600)", memory_max_bytes=64 * MIB
        )
    )
    assert (end.exit.oom_killed, end.exit.signal) == (True, signal.SIGKILL)
    assert end.exit.memory_peak_bytes >= 60 * MIB
    by_watcher = limiting_ward.client.enforcement.memory == "watcher"
    assert end.exit.stop_cause == ("memory" if by_watcher else None)


async def test_the_hog_s_child_takes_the_whole_tree_with_it(limiting_ward: Any) -> None:
    """A shell that goes on after its child was killed would do half of its work."""
    script = f"{sys.executable} -S -c '{HOG}; import time; time.sleep(600)'; sleep 600; exit 0"
    end = await limiting_ward.run(limiting_ward.shell("tree", script, memory_max_bytes=64 * MIB))
    assert end.exit.oom_killed
    assert end.exit.exit_code != 0
    assert end.exit.duration_s < 60


async def test_a_job_under_its_ceiling_is_left_alone(limiting_ward: Any) -> None:
    end = await limiting_ward.run(
        limiting_ward.python("modest", "block = bytearray(30 << 20)", memory_max_bytes=128 * MIB)
    )
    assert (end.exit.exit_code, end.exit.oom_killed) == (0, False)


async def test_forks_that_share_their_memory_are_not_counted_twice(ward: Any) -> None:
    """Ten children of a process of 60 MiB hold 60 MiB together, not 660."""
    await ward.open("--tree", "none")
    program = (  # they live together for so long that the watcher looks at them
        "import os, time\nblock = bytearray(60 << 20)\n"
        "for _ in range(10):\n  if os.fork() == 0: time.sleep(0.5); os._exit(0)\n"
        "time.sleep(0.5)"
    )
    end = await ward.run(ward.python("forks", program, memory_max_bytes=200 * MIB))
    assert (end.exit.exit_code, end.exit.oom_killed) == (0, False)


READ_OWN_CEILINGS = """
own = {l.split(":")[1]: l.strip().split(":")[2] for l in open("/proc/self/cgroup")}
for where in WHERE:
    controller, directory, file = where
    print(open(f"{directory}{own[controller]}/{file}").read().split()[0])
"""
V1_CEILINGS = {
    "memory": [("memory", "memory.limit_in_bytes", "67108864")],
    "pids": [("pids", "pids.max", "17")],
    "cpu": [("cpu", "cpu.cfs_quota_us", "50000"), ("cpu", "cpu.shares", "2048")],
}
V2_CEILINGS = {
    "memory": [("", "memory.high", "67108864")],
    "pids": [("", "pids.max", "17")],
    "cpu": [("", "cpu.max", "50000"), ("", "cpu.weight", "200")],
}


async def test_the_ceilings_stand_before_the_first_instruction(ward: Any) -> None:
    """The child reads its own ceilings as the first thing it does."""
    await ward.open()
    tables = {"cgroup v1": V1_CEILINGS, "cgroup v2": V2_CEILINGS}
    kinds = {kind: getattr(ward.client.enforcement, kind) for kind in V1_CEILINGS}
    ceilings = [c for kind, by in kinds.items() if by in tables for c in tables[by][kind]]
    where = [(controller, _mount_point(controller), file) for controller, file, _ in ceilings]
    limits = {"memory_max_bytes": 64 * MIB, "pids_max": 17, "cpu_max": 0.5, "cpu_weight": 200}
    program = f"WHERE = {where}\n{READ_OWN_CEILINGS}"
    end = await ward.run(ward.python("self", program, memory_high_bytes=64 * MIB, **limits))
    assert end.exit.exit_code == 0, ward.output("self")
    assert ward.output("self").decode().split() == [value for _, _, value in ceilings]


def _mount_point(controller: str) -> str:
    """Return where the hierarchy of a controller is mounted, "" being cgroup2."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, directory, kind, options, *_ = line.split()
        names = options.split(",") if kind == "cgroup" else [""] if kind == "cgroup2" else []
        if controller in names:
            return directory
    raise AssertionError(f"no hierarchy has {controller!r}")


async def test_a_ceiling_on_processes_holds_where_it_is_said_to_hold(open_ward: Any) -> None:
    script = "i=0; while [ $i -lt 20 ]; do sleep 1 & i=$((i+1)); done; wait"
    end = await open_ward.run(open_ward.shell("many", script, pids_max=5))
    holds = open_ward.client.enforcement.pids != "none"
    assert (b"ork" in open_ward.output("many")) is holds
    assert (end.exit.exit_code != 0) is holds


async def test_a_ceiling_of_one_process_lets_it_run(open_ward: Any) -> None:
    end = await open_ward.run(open_ward.shell("one", "exit 4", pids_max=1))
    assert end.exit.exit_code == 4


@pytest.mark.parametrize("cpu_max", [0.02, 0.5])
async def test_a_quota_slows_the_tree_but_not_the_supervisor(
    open_ward: Any, cpu_max: float
) -> None:
    """A supervisor that shares a run's quota while it spawns would be frozen with it."""
    await open_ward.start(open_ward.shell("busy", "while :; do :; done", cpu_max=cpu_max))
    for number in range(5):
        end = await open_ward.run(open_ward.shell(f"other-{number}", "exit 0"))
        assert end.exit.exit_code == 0
    await open_ward.client.stop("busy", "cancel")
    end = await open_ward.end("busy")
    if open_ward.client.enforcement.cpu != "none":
        assert end.exit.cpu_s < cpu_max * end.exit.duration_s + 0.2


async def test_a_ceiling_that_fits_no_process_is_refused(open_ward: Any) -> None:
    reason = await open_ward.refusal(open_ward.shell("tiny", ":", memory_max_bytes=4096))
    assert "memory_max_bytes is 4096" in reason
    assert "1048576" in reason


async def test_a_hog_in_a_stampede_meets_its_ceiling_too(open_ward: Any) -> None:
    hogs = [
        open_ward.python(f"hog-{n}", HOG, memory_max_bytes=32 * MIB)
        if n % 40 == 0
        else open_ward.launch(f"run-{n}", "/bin/true", memory_max_bytes=32 * MIB)
        for n in range(200)
    ]
    await open_ward.client.start(hogs)
    ends = {launch.run.run_id: await open_ward.end(launch.run.run_id) for launch in hogs}
    assert {name for name, end in ends.items() if end.exit.oom_killed} == {
        f"hog-{n}" for n in range(0, 200, 40)
    }


async def test_no_group_is_left_behind(open_ward: Any) -> None:
    await open_ward.run(open_ward.shell("limited", ":", memory_max_bytes=64 * MIB, pids_max=9))
    await open_ward.run(open_ward.shell("plain", ":"))
    recorded = (open_ward.directory / "supervisor.groups").read_text()
    directories = [Path(d) for d in json.loads(recorded)["directories"]]
    assert directories
    left = [p.name for d in directories for p in d.iterdir() if p.is_dir()]
    assert set(left) <= {"crowd"}


async def test_what_holds_the_limits_is_told(ward: Any) -> None:
    await ward.open("--tree", "none")
    told = ward.client.enforcement
    assert (told.tree, told.memory, told.cpu, told.pids) == (
        "process tree",
        "watcher",
        "none",
        "none",
    )
