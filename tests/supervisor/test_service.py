"""The supervisor outlives its daemon, and nothing outlives the supervisor."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from jobd.core.outcome import StopCause
from jobd.errors import SupervisorError
from jobd.supervisor import service as module
from jobd.supervisor.cgroup import read_pids
from jobd.supervisor.processes import children
from jobd.supervisor.service import Service
from jobd.supervisor.spool import read_spool

ESCAPE = "setsid sh -c 'echo $$ > {}/deep; exec sleep 600' & echo $$ > {}/main; exec sleep 600"


async def test_the_next_daemon_gets_the_run_its_output_and_its_exit(open_ward: Any) -> None:
    launch = open_ward.shell(
        "run", f"echo one; read _ < {open_ward.directory}/go; echo two; exit 7"
    )
    os.mkfifo(open_ward.directory / "go")
    await open_ward.start(launch)
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    (held,) = await open_ward.adopt()
    assert held.run == launch.run
    assert held.exit is None
    assert held.started_at is not None
    (open_ward.directory / "go").write_text("\n")
    assert (await open_ward.end("run")).exit.exit_code == 7
    assert open_ward.output("run") == b"one\ntwo\n"


async def test_an_end_that_nobody_noted_is_handed_over_until_it_is_forgotten(
    open_ward: Any,
) -> None:
    await open_ward.run(open_ward.shell("ended", "exit 3"))
    await open_ward.refusal(open_ward.launch("refused", "/no/such"))
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    held = {h.run.run_id: h for h in await open_ward.adopt()}
    assert held["ended"].exit.exit_code == 3
    assert "no such file" in held["refused"].start_error
    await open_ward.client.forget(["ended", "refused"])
    await open_ward.client.release()
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    assert list(await open_ward.adopt()) == []


async def test_a_daemon_that_was_stopped_does_not_stop_the_deadlines(open_ward: Any) -> None:
    """The connection is there, but nobody reads it: as with SIGSTOP."""
    await open_ward.start(open_ward.shell("timed", "exec sleep 600", timeout_s=0.5))
    open_ward.client._session._transport.pause_reading()
    supervisor = open_ward.supervisor_pid
    await open_ward.until(lambda: all(map(_is_guard, children(supervisor))), "the timeout")
    open_ward.client._session._transport.resume_reading()
    assert (await open_ward.end("timed")).exit.stop_cause is StopCause.TIMEOUT


@pytest.mark.parametrize("tree", ["cgroup2", "cgroup1", "none"])
async def test_no_child_survives_the_supervisor(
    ward: Any, alive: Callable[[int], bool], tree: str
) -> None:
    await ward.open("--tree", tree)
    await ward.start(ward.shell("run", ESCAPE.format(ward.directory, ward.directory)))
    pids = [int(await ward.file(name)) for name in ("main", "deep")]
    os.kill(ward.supervisor_pid, signal.SIGKILL)
    await ward.until(lambda: not any(map(alive, pids)), "the children's end")


async def test_reports_end_when_the_supervisor_dies(open_ward: Any) -> None:
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    await asyncio.wait_for(open_ward._pump, 60)
    with pytest.raises(SupervisorError, match="gone"):
        await open_ward.client.stop("run", "cancel")


async def test_a_client_can_connect_anew_after_the_supervisor_died(open_ward: Any) -> None:
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    await asyncio.wait_for(open_ward._pump, 60)
    assert list(await open_ward.adopt()) == []
    assert (await open_ward.run(open_ward.shell("again", "exit 2"))).exit.exit_code == 2


@pytest.mark.parametrize("tree", ["cgroup2", "cgroup1", "none"])
async def test_leftovers_are_dead_before_the_next_hello(
    ward: Any, alive: Callable[[int], bool], tree: str
) -> None:
    """Supervisor and guard are killed together, as the OOM killer or a person might."""
    await ward.open("--tree", tree)
    await ward.start(ward.shell("run", ESCAPE.format(ward.directory, ward.directory)))
    pids = [int(await ward.file(name)) for name in ("main", "deep")]
    guard = _guard_of(ward.supervisor_pid)
    os.kill(ward.supervisor_pid, signal.SIGSTOP)  # or it would start another guard
    os.kill(guard, signal.SIGKILL)
    os.kill(ward.supervisor_pid, signal.SIGKILL)
    await asyncio.wait_for(ward._pump, 60)
    assert all(map(alive, pids)), "nobody was left to kill them"
    await ward.adopt()
    assert not any(map(alive, pids))


async def test_a_guard_that_is_killed_is_replaced(
    open_ward: Any, alive: Callable[[int], bool]
) -> None:
    first = _guard_of(open_ward.supervisor_pid)
    os.kill(first, signal.SIGKILL)
    second = await open_ward.until(lambda: _guard_of(open_ward.supervisor_pid, first), "a guard")
    await open_ward.start(open_ward.shell("run", f"echo $$ > {open_ward.directory}/pid; sleep 600"))
    pid = int(await open_ward.file("pid"))
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    await open_ward.until(lambda: not alive(pid) and not alive(second), "the end of both")


async def test_shutdown_kills_what_is_left_and_ends_the_process(
    open_ward: Any, alive: Callable[[int], bool]
) -> None:
    script = f"trap '' TERM; echo $$ > {open_ward.directory}/pid; while :; do sleep 0.1; done"
    await open_ward.start(open_ward.shell("run", script, kill_after_s=600))
    pid = int(await open_ward.file("pid"))
    await open_ward.client.shutdown()
    assert not alive(pid)
    assert not alive(open_ward.supervisor_pid)
    assert (await open_ward.end("run")).exit.stop_cause is StopCause.SHUTDOWN


async def test_sigterm_stops_the_runs_and_spools_their_ends(
    open_ward: Any, alive: Callable[[int], bool]
) -> None:
    await open_ward.start(
        open_ward.shell("run", "trap 'exit 4' TERM; while :; do sleep 0.01; done")
    )
    await open_ward.drop()
    os.kill(open_ward.supervisor_pid, signal.SIGTERM)
    await open_ward.until(lambda: not alive(open_ward.supervisor_pid), "the supervisor's end")
    open_ward.client = open_ward.new_client()
    (held,) = await open_ward.adopt()
    assert held.exit.stop_cause is StopCause.SHUTDOWN


async def test_an_owned_supervisor_leaves_when_nobody_comes_back(
    ward: Any, alive: Callable[[int], bool]
) -> None:
    await ward.open("--linger", "0.2")
    await ward.start(ward.shell("run", "sleep 0.7; exit 6"))
    await ward.drop()
    await ward.until(lambda: not alive(ward.supervisor_pid), "the supervisor's end")
    ward.client = ward.new_client("--linger", "60")
    (held,) = await ward.adopt()
    assert (held.run.run_id, held.exit.exit_code) == ("run", 6), "its end was spooled"


@pytest.mark.parametrize("is_retried", [False, True])
async def test_an_end_that_was_noted_is_told_by_no_later_supervisor(
    ward: Any, alive: Callable[[int], bool], is_retried: bool
) -> None:
    """It left two ends to the next one, of which one is noted, or its run retried; then that one
    crashes. The third must not know of a run that is over: it would be executed again."""
    await ward.open("--linger", "0.2")
    await ward.start(ward.shell("noted", "exit 6"), ward.shell("left", "exit 7"))
    await ward.end("noted")
    await ward.end("left")
    await ward.drop()
    await ward.until(lambda: not alive(ward.supervisor_pid), "the supervisor's end")
    ward.client = ward.new_client("--linger", "60")
    assert len(await ward.adopt()) == 2
    if is_retried:
        await ward.start(ward.shell("noted", "sleep 600", attempt=2))
    else:
        await ward.client.forget(["noted"])
    await ward.until(lambda: "noted" not in _spool_of(ward), "a shorter spool")
    os.kill(ward.supervisor_pid, signal.SIGKILL)
    await ward.until(lambda: not alive(ward.supervisor_pid), "the supervisor's end")
    ward.client = ward.new_client("--linger", "60")
    (held,) = await ward.adopt()
    assert held.run.run_id == "left"


def _spool_of(ward: Any) -> set[str]:
    return {end["run"]["run_id"] for end in read_spool(str(ward.directory))}


async def test_a_run_outlives_the_wait_for_a_daemon(
    ward: Any, alive: Callable[[int], bool]
) -> None:
    await ward.open("--linger", "0.1")
    os.mkfifo(ward.directory / "go")
    await ward.start(ward.shell("run", f"read _ < {ward.directory}/go"))
    await ward.drop()
    await asyncio.sleep(0.5)  # several times its patience
    assert alive(ward.supervisor_pid)
    ward.client = ward.new_client()
    (held,) = await ward.adopt()
    assert held.exit is None


async def test_ctrl_c_in_the_terminal_is_not_for_the_supervisor(open_ward: Any) -> None:
    os.kill(open_ward.supervisor_pid, signal.SIGINT)
    os.kill(open_ward.supervisor_pid, signal.SIGHUP)
    assert (await open_ward.run(open_ward.shell("after", "exit 0"))).exit.exit_code == 0


async def test_a_second_supervisor_is_refused_by_name(open_ward: Any) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "jobd.supervisor", "--state-dir", str(open_ward.directory),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 73
    assert f"pid {open_ward.supervisor_pid}) holds {open_ward.directory}" in complaint.decode()


async def test_an_attempt_after_the_first_has_the_same_run_id(open_ward: Any) -> None:
    await open_ward.run(open_ward.shell("run", "exit 1"))
    open_ward.reports.clear()
    end = await open_ward.run(open_ward.shell("run", "exit 2", attempt=2))
    assert end.exit.exit_code == 2
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    (held,) = await open_ward.adopt()
    assert (held.run.attempt, held.exit.exit_code) == (2, 2)


async def test_an_order_repeated_is_carried_out_once(open_ward: Any) -> None:
    os.mkfifo(open_ward.directory / "go")
    script = f"echo x >> {open_ward.directory}/count; read _ < {open_ward.directory}/go"
    launch = open_ward.shell("run", script)
    await open_ward.start(launch)
    open_ward.reports.clear()
    await open_ward.start(launch)
    (open_ward.directory / "go").write_text("\n")
    await open_ward.end("run")
    assert (open_ward.directory / "count").read_text() == "x\n"


async def test_another_attempt_beside_a_running_one_is_refused(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("run", "sleep 600"))
    reason = await open_ward.refusal(open_ward.shell("run", "exit 0", attempt=2))
    assert "attempt 1 of this run has not ended" in reason


async def test_a_stampede_is_held_like_any_other_runs(
    open_ward: Any, alive: Callable[[int], bool]
) -> None:
    """So many at once share a group; each must still be found, stopped and told apart."""
    d = open_ward.directory
    escape = f"setsid sh -c 'echo $$ > {d}/deep; exec sleep 600' & echo up; sleep 600"
    runs = [open_ward.shell(f"run-{n}", "sleep 600") for n in range(150)]
    runs[1] = open_ward.shell("run-1", escape)
    await open_ward.start(*runs)
    deep = int(await open_ward.file("deep"))
    await open_ward.client.stop("run-1", "cancel")
    assert (await open_ward.end("run-1")).exit.stop_cause is StopCause.CANCEL
    assert not alive(deep)
    assert len(open_ward.reports) == 151, "all the others go on"
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    await open_ward.until(lambda: not _sleepers(open_ward), "the end of all")


def _sleepers(ward: Any) -> list[str]:
    record = (ward.directory / "supervisor.groups").read_text()
    return [d for d in json.loads(record)["directories"] if read_pids(d)]


def _guard_of(supervisor: int, other_than: int = 0) -> int:
    found = [p for p in children(supervisor) if p != other_than and _is_guard(p)]
    return found[0] if found else 0


def _is_guard(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().startswith("jobd-guard")
    except OSError:
        return False


@dataclass
class Herd:
    """Server, keeper and clock in one: so many starts to go, a death at each."""

    starts: int
    now_s: float = 100.0
    count: int = 10
    reaped_at_s: list[float] = field(default_factory=list)

    def work(self) -> bool:
        self.starts -= 1
        self.now_s += 0.02
        return self.starts > 0

    def reap(self, limit: int) -> tuple[int, set[int]]:
        self.reaped_at_s.append(round(self.now_s, 2))
        return 1, set()

    def be_served(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Return when ends were seen, until the service has nothing more to do."""
        monkeypatch.setattr(module, "steady_s", lambda: self.now_s)
        service = object.__new__(Service)
        service._server = service._keeper = self
        service._guard = SimpleNamespace(pid=0)
        service._reap_at_s = 0.0
        is_busy = True
        while is_busy:
            service._have_children_died = True
            self.starts = max(self.starts, 0)
            is_busy = service._work() and self.starts > 0
        return self.reaped_at_s


def test_while_a_herd_starts_ends_are_seen_together_five_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked at one by one they would take the time of the starts; put off until the herd
    has started they would make overlaps of later ticks."""
    *seen_at_s, last_s = Herd(50).be_served(monkeypatch)
    pauses_s = [after - before for before, after in pairwise(seen_at_s)]
    assert pauses_s == [pytest.approx(0.21, abs=0.02)] * 4
    assert last_s == 101.0  # with the last start, whenever that is


def test_the_dead_of_a_huge_herd_are_not_left_lying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds descriptors of ours, and its pid."""
    assert len(Herd(50, count=5000).be_served(monkeypatch)) == 50
