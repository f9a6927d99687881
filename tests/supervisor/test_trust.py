"""No renewal, no run: what a lease that is not renewed means to real processes.

The evidence is what the jobs themselves wrote, and when, by the clock that all share.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobd.core.events import AttemptEnded, RunStarted
from jobd.core.lease import SHORTEST_MARGIN
from jobd.core.outcome import Exit, Outcome, StopCause, judge
from jobd.ports import Launch
from jobd.supervisor.processes import children, stat

MARGIN_S = SHORTEST_MARGIN.total_seconds()  # what the lease leaves for the killing
NEVER_RAN = Exit(None, None, StopCause.TRUST, False, 0.0, 0.0, None)

# Two processes write down that they live, and when: a main one that ignores SIGTERM, and
# one that made a session of its own and lost its parent: every 5 ms, until they are killed.
WITNESSES = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def testify(name):
    with open(os.path.join(sys.argv[1], name), "a", buffering=1) as file:
        while True:
            file.write(f"{time.clock_gettime(time.CLOCK_BOOTTIME)}\\n")
            time.sleep(0.005)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        testify("deep")
    os._exit(0)
os.wait()
testify("main")
"""

# A daemon in a process of its own: it orders one run, says so, renews it once when it is told to,
# says until when, and then does nothing, until the test stops or kills it.
DAEMON = """
import asyncio, sys
from pathlib import Path
from tests.supervisor.conftest import Ward
from tests.supervisor.test_trust import WITNESSES, steady_s
async def main(directory):
    ward = Ward(directory)
    await ward.adopt()
    run = ward.launch("run", sys.executable, "-S", "-c", WITNESSES, str(directory),
                      kill_after_s=600, until_steady_s=steady_s() + 600)
    await ward.start(run)
    print("started", flush=True)
    sys.stdin.readline()
    until = steady_s() + 3.0
    await ward.client.extend({"run": until})
    print(until, flush=True)
    await asyncio.sleep(600)
asyncio.run(main(Path(sys.argv[1])))
"""


def steady_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def lived(directory: Path, name: str) -> list[float]:
    """Return when a witness lived; the last line may be cut off by its death."""
    path = directory / name
    return [float(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


async def past(ward: Any, instant_s: float) -> None:
    await ward.until(lambda: steady_s() > instant_s, "an instant")


async def repeat(ward: Any, launch: Launch) -> None:
    """Order a run again that goes on; return when the supervisor has answered."""
    ward.reports.clear()
    await ward.client.start([launch])
    await ward.report(RunStarted, launch.run.run_id)


@pytest.mark.parametrize("tree", ["cgroup2", "cgroup1", "none"])
async def test_nobody_lives_on_when_the_daemon_is_stopped(ward: Any, tree: str) -> None:
    """SIGSTOP: its connection stays, and it renews nothing."""
    await ward.open("--tree", tree)
    await ward.client.release()
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, str(ward.directory),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert daemon.stdin is not None
    assert daemon.stdout is not None
    assert await daemon.stdout.readline() == b"started\n"
    for name in ("main", "deep"):
        await ward.file(name)  # before its time is set, which no start of a program then costs
    daemon.stdin.write(b"renew\n")
    until = float(await daemon.stdout.readline())
    daemon.send_signal(signal.SIGSTOP)
    assert steady_s() < until, "too slow to show anything"
    await past(ward, until + MARGIN_S)
    for name in ("main", "deep"):
        assert lived(ward.directory, name)[0] < until
        assert lived(ward.directory, name)[-1] < until + MARGIN_S
    daemon.kill()
    await daemon.wait()
    ward.client = ward.new_client()
    (held,) = await ward.adopt()
    assert (held.exit.stop_cause, held.exit.signal) == (StopCause.TRUST, signal.SIGKILL)


@pytest.mark.parametrize("how", [{}, {"nice": 1}], ids=["spawned", "forked"])
async def test_who_must_be_dead_already_is_not_executed(
    open_ward: Any, how: dict[str, int]
) -> None:
    path = open_ward.directory / "ran"
    launch = open_ward.shell("late", f"echo x > {path}", until_steady_s=steady_s(), **how)
    await open_ward.client.start([launch])
    end = await open_ward.end("late")
    assert end.exit == NEVER_RAN
    assert judge(end.exit, (0,), matched_failure=False) is Outcome.LOST
    assert [type(report) for report in open_ward.reports] == [AttemptEnded]
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    (held,) = await open_ward.adopt()
    assert (held.exit, held.started_at, held.run) == (NEVER_RAN, None, launch.run)
    assert not path.exists()


@pytest.mark.parametrize("dies", [False, True], ids=["daemon waits", "daemon dies"])
async def test_an_order_that_waited_too_long_is_not_executed(open_ward: Any, dies: bool) -> None:
    """The supervisor was stopped while it came, and the daemon may be gone when it wakes."""
    path = open_ward.directory / "ran"
    until = steady_s() + 0.3
    launch = open_ward.shell("late", f"echo x > {path}", until_steady_s=until)
    os.kill(open_ward.supervisor_pid, signal.SIGSTOP)
    await open_ward.client.start([launch])
    await past(open_ward, until)
    if dies:
        await open_ward.drop()
    os.kill(open_ward.supervisor_pid, signal.SIGCONT)
    if dies:
        open_ward.client = open_ward.new_client()
        assert [held.exit for held in await open_ward.adopt()] == [NEVER_RAN]
    else:
        assert (await open_ward.end("late")).exit == NEVER_RAN
    assert not path.exists()


async def test_a_supervisor_that_was_stopped_kills_before_it_reads_anything(
    open_ward: Any, alive: Callable[[int], bool]
) -> None:
    """A renewal that it finds when it wakes is for a run that should have been dead."""
    script = f"trap '' TERM; echo $$ > {open_ward.directory}/pid; while :; do sleep 0.05; done"
    launch = open_ward.shell("run", script, until_steady_s=steady_s() + 600, kill_after_s=600)
    await open_ward.start(launch)
    pid = int(await open_ward.file("pid"))
    until = steady_s() + 3.0
    await open_ward.client.extend({"run": until})
    await repeat(open_ward, launch)  # its answer comes after it has read of the new instant
    os.kill(open_ward.supervisor_pid, signal.SIGSTOP)
    assert steady_s() < until, "too slow to show anything"
    await past(open_ward, until)
    await open_ward.client.extend({"run": until + 600})
    assert alive(pid), "while the supervisor is stopped nobody enforces anything"
    os.kill(open_ward.supervisor_pid, signal.SIGCONT)
    end = await open_ward.end("run")
    assert (end.exit.stop_cause, end.exit.signal) == (StopCause.TRUST, signal.SIGKILL)


async def test_who_is_renewed_lives_on(open_ward: Any) -> None:
    os.mkfifo(open_ward.directory / "go")
    until = steady_s() + 4.0
    script = f"read _ < {open_ward.directory}/go; exit 8"
    await open_ward.start(open_ward.shell("renewed", script, until_steady_s=until))
    await open_ward.client.extend({"renewed": until + 600, "nobody": until})
    await past(open_ward, until + 0.1)
    (open_ward.directory / "go").write_text("\n")
    end = await open_ward.end("renewed")
    assert (end.exit.exit_code, end.exit.stop_cause) == (8, None)


async def test_the_stop_signal_comes_before_and_a_renewal_after_it_is_too_late(
    open_ward: Any,
) -> None:
    path = open_ward.directory / "stopped"
    script = f"trap 'echo at > {path}' TERM; echo up; while :; do sleep 0.02; done"
    later = steady_s() + 600
    await open_ward.start(open_ward.shell("run", script, until_steady_s=later, kill_after_s=1.5))
    await open_ward.until(lambda: open_ward.output("run"), "its trap")
    until = steady_s() + 6.0  # a quarter of this is the longest warning
    await open_ward.client.extend({"run": until})
    await open_ward.file("stopped")  # by who was killed: it had time to act on it
    await open_ward.client.extend({"run": until + 600})
    end = await open_ward.end("run")
    assert (end.exit.stop_cause, end.exit.signal) == (StopCause.TRUST, signal.SIGKILL)


async def test_a_run_held_over_keeps_its_instant_until_the_next_daemon_moves_it(
    open_ward: Any,
) -> None:
    until = steady_s() + 4.0
    kept, moved = (open_ward.shell(name, "sleep 600", until_steady_s=until) for name in "km")
    await open_ward.start(kept, moved)
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    assert len(await open_ward.adopt()) == 2
    await open_ward.client.extend({"m": until + 600})
    assert (await open_ward.end("k")).exit.stop_cause is StopCause.TRUST
    await past(open_ward, until + 0.1)
    await open_ward.client.stop("m", "cancel")
    assert (await open_ward.end("m")).exit.stop_cause is StopCause.CANCEL


async def test_an_order_repeated_with_a_renewed_lease_is_the_same_order(open_ward: Any) -> None:
    os.mkfifo(open_ward.directory / "go")
    script = f"echo x >> {open_ward.directory}/count; read _ < {open_ward.directory}/go"
    launch = open_ward.shell("run", script, until_steady_s=steady_s() + 600)
    await open_ward.start(launch)
    run = replace(launch.run, lease_until=launch.run.claimed_at)
    await repeat(open_ward, replace(launch, run=run))
    (open_ward.directory / "go").write_text("\n")
    await open_ward.end("run")
    assert (open_ward.directory / "count").read_text() == "x\n"


async def test_a_herd_due_at_one_instant_is_dead_within_the_margin(open_ward: Any) -> None:
    """So many at once share a group and are found by descent: one look each would be seconds."""
    later = steady_s() + 600
    script = "trap '' TERM; while :; do sleep 60; done"
    runs = [
        open_ward.shell(f"run-{n}", script, until_steady_s=later, kill_after_s=0)
        for n in range(200)
    ]
    await open_ward.start(*runs)
    pids = set(children(open_ward.supervisor_pid))
    until = steady_s() + 2.0
    await open_ward.client.extend({launch.run.run_id: until for launch in runs})
    await past(open_ward, until + MARGIN_S)
    living = [pid for pid in pids if (seen := stat(pid)) and seen[0] not in "ZX"]
    assert len(living) <= 1, "only the guard lives"
    for launch in runs:
        assert (await open_ward.end(launch.run.run_id)).exit.stop_cause is StopCause.TRUST
