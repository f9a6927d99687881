"""Hook commands, executed by a real supervisor: what they get, and what they cannot do."""

import json
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from jobd.core.claim import ActiveRun
from jobd.core.events import AttemptEnded, HeldRun, RunNotStarted, RunStarted
from jobd.core.hooks import Hook
from jobd.core.job import Job, Param, StepPatterns
from jobd.core.outcome import StopCause
from jobd.daemon import hook_commands as module
from jobd.daemon.hook_commands import HookCommands, is_hook
from jobd.daemon.hook_order import Answer
from jobd.daemon.hook_output import TAIL_BYTES
from jobd.daemon.outputs import Outputs
from jobd.ports import Launch
from jobd.supervisor.client import SupervisorClient
from tests.daemon.fakes import FakeSupervisor, exit_of, job_of, keep_output, run_of, until
from tests.daemon.hook_orders import order_of

PATIENCE_S = 20.0


class Desk:
    """Who executes hooks, and a supervisor that does it."""

    def __init__(self, directory: Path, supervisor: Any) -> None:
        self.directory, self.supervisor = directory, supervisor
        self.outputs = Outputs(directory)
        self.forgotten: list[str] = []
        self.folder = directory / "hooks"
        self.commands = HookCommands(supervisor, self.folder, self.outputs, self.forgotten.append)

    async def listen(self) -> None:
        async for report in self.supervisor.reports():
            self.commands.report(report)

    async def shell(
        self, script: str, *words: str, job: Job | None = None, timeout_s: float = 10.0, **run: Any
    ) -> Answer:
        """Execute a hook that is a line of shell."""
        hook = Hook(("/bin/sh", "-c", script, *words))
        with anyio.fail_after(PATIENCE_S):
            return await self.commands.execute(order_of(hook, job=job, **run), timeout_s)

    def written(self) -> dict[str, Any]:
        """Return what the hook was told, if it kept that in a file called ``told``."""
        told: dict[str, Any] = json.loads((self.directory / "told").read_text())
        return told


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    client = SupervisorClient(tmp_path, socket=tmp_path / "supervisor.sock", owned=True)
    await client.connect()
    desk = Desk(tmp_path, client)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.listen)
        yield desk
        tasks.cancel_scope.cancel()
    await client.shutdown()


@pytest.fixture
def paper(tmp_path: Path, supervisor: FakeSupervisor) -> Desk:
    """A desk whose supervisor is on paper."""
    return Desk(tmp_path, supervisor)


def in_(desk: Desk, **keys: Any) -> Job:
    return job_of(cwd=str(desk.directory), **keys)


# -- what it gets ----------------------------------------------------------------------


async def test_a_hook_reads_the_run_and_the_end_of_its_output_from_standard_input(
    desk: Desk,
) -> None:
    output = b"x" * 9000 + b"\nERROR 7\n"
    keep_output(desk.outputs.path("aa11", 1), output)
    order = order_of(Hook(("/bin/sh", "-c", "cat > told")), job=in_(desk))
    order = replace(order, record=replace(order.record, output_bytes=len(output)))
    with anyio.fail_after(PATIENCE_S):
        assert await desk.commands.execute(order, 10.0) == Answer()
    told = desk.written()
    assert (told["run_id"], told["outcome"], told["hook"]) == ("aa11", "failure", "on_failure")
    assert told["output_tail"].endswith("x\nERROR 7\n")
    assert len(told["output_tail"]) == TAIL_BYTES


async def test_its_environment_is_that_of_the_job_and_says_what_it_is_called_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_DAEMON", "1")
    job = in_(desk, env=(("MAILTO", "root"),), params=(Param("day"), Param("not_given")))
    assert await desk.shell("env > told", job=job, attempt=2, params=(("day", "mon"),)) == Answer()
    env = dict(line.split("=", 1) for line in (desk.directory / "told").read_text().splitlines())
    assert "OF_THE_DAEMON" not in env
    assert {name: env[name] for name in env if name.startswith(("JOBD_", "MAIL"))} == {
        "MAILTO": "root", "JOBD_JOB": "a", "JOBD_RUN_ID": "aa11", "JOBD_ATTEMPT": "2",
        "JOBD_TICK": "2026-06-01T12:00:00Z", "JOBD_NODE": "app1", "JOBD_TRIGGER": "schedule",
        "JOBD_FENCING_TOKEN": "7", "JOBD_PARAM_DAY": "mon", "JOBD_HOOK": "on_failure",
        "JOBD_OUTCOME": "failure",
    }  # fmt: skip


async def test_it_is_called_without_the_parameters_for_which_a_run_was_refused(desk: Desk) -> None:
    """Else nobody would hear of the refusal: on_failure is what tells of it."""
    job = in_(desk, params=(Param("day", "[0-9]+"),))
    forged = (("day", "$(id)"), ("unheard_of", "1"))
    assert await desk.shell("env > told", job=job, params=forged) == Answer()
    assert "JOBD_PARAM_" not in (desk.directory / "told").read_text()


async def test_a_parameter_that_takes_for_ever_to_judge_keeps_no_hook_from_its_call(
    desk: Desk,
) -> None:
    """Hooks are prepared in threads, where nothing could break the pattern off."""
    job = in_(desk, params=(Param("day", "(a+)+"),))
    assert await desk.shell("env > told", job=job, params=(("day", "a" * 60 + "!"),)) == Answer()
    assert "JOBD_PARAM_" not in (desk.directory / "told").read_text()


@pytest.mark.usefixtures("needs_root")
async def test_it_is_executed_as_the_job_s_user_and_may_read_what_it_is_told(desk: Desk) -> None:
    """What it reads lies where only the daemon may look: the supervisor opens it."""
    open_to_all = desk.directory / "out"
    open_to_all.mkdir(mode=0o777)
    open_to_all.chmod(0o777)
    for folder in (desk.directory, *desk.directory.parents):
        if folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    job = job_of(user="nobody", cwd=str(open_to_all))
    assert await desk.shell("id -un > who; cat > told", job=job) == Answer()
    assert (open_to_all / "who").read_text() == "nobody\n"
    assert json.loads((open_to_all / "told").read_text())["job"] == "a"
    assert desk.folder.stat().st_mode & 0o777 == 0o700


async def test_one_that_reads_nothing_is_fine(desk: Desk) -> None:
    assert await desk.shell("exit 0") == Answer()


async def test_nothing_of_it_is_left_behind(desk: Desk) -> None:
    await desk.shell("echo x; exit 3")
    assert list(desk.folder.iterdir()) == []
    assert desk.forgotten == ["hook-on_failure-aa11"]


async def test_one_that_cannot_be_executed_leaves_nothing_behind(paper: Desk) -> None:
    """Where the job's user is gone every run calls in vain, for as long as the daemon lives."""
    await paper.shell("true", job=job_of(user="nobody-at-all"))
    assert [*paper.folder.glob("*")] == []
    paper.supervisor.is_gone = True
    await paper.shell("true")
    assert [*paper.folder.glob("*")] == []


# -- how it fails ----------------------------------------------------------------------


async def test_an_exit_status_is_a_failure_told_with_the_end_of_its_output(desk: Desk) -> None:
    answer = await desk.shell("echo first >&2; echo last; exit 3")
    assert answer == Answer("exit status 3", output="first\nlast")


async def test_one_that_hangs_is_ended_with_all_that_it_has_started(desk: Desk) -> None:
    nap = f"sleep 871.{os.getpid()}"
    script = f"trap '' TERM; setsid {nap} & {nap} & echo $$; wait; {nap}"
    answer = await desk.shell(script, timeout_s=2.0)  # which its preparation is part of
    assert answer.trouble.startswith("it was not done in time, and was ended after")
    assert naps(nap) == []


async def test_gigabytes_of_output_are_cut_to_their_end(desk: Desk) -> None:
    answer = await desk.shell("yes 0123456789 | head -c 50000000; echo; echo the end; exit 1")
    assert answer.output.endswith("0123456789\n012345\nthe end")
    assert len(answer.output) <= TAIL_BYTES


async def test_one_that_forks_for_ever_ends_at_its_timeout(desk: Desk) -> None:
    nap = f"sleep 872.{os.getpid()}"
    answer = await desk.shell(f"f() {{ {nap} & f; }}; f", timeout_s=0.5)
    assert answer.trouble
    assert naps(nap) == []


async def test_a_program_that_is_not_there_is_told(desk: Desk) -> None:
    with anyio.fail_after(PATIENCE_S):
        answer = await desk.commands.execute(order_of(Hook(("/no/such/alert",))), 5.0)
    assert answer == Answer("command /no/such/alert: no such file")


async def test_a_user_that_is_not_there_is_told(desk: Desk) -> None:
    answer = await desk.shell("true", job=job_of(user="nobody-at-all"))
    assert answer == Answer("no user nobody-at-all on this machine; create it or change user")


async def test_a_signal_is_told(desk: Desk) -> None:
    assert (await desk.shell("kill -9 $$")).trouble == f"signal {signal.SIGKILL:d} ended it"


async def test_what_it_was_given_is_not_in_what_is_logged_of_it(desk: Desk) -> None:
    job = job_of(env=(("PASSWORD", "hunter2"), ("SHORT", "x")))
    script = 'echo "no $PASSWORD at https://u:tok@chat.example.com/hunter3?x of $1 for x"; exit 1'
    answer = await desk.shell(script, "sh", "--key=hunter4", job=job, run_id="aa11")
    assert answer.output == "no [redacted] at https://chat.example.com/*** of [redacted] for x"


async def test_a_directory_of_users_that_hangs_holds_up_no_call_that_is_past_it(
    paper: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence, real, hanging = threading.Event(), module.launch, list[str]()

    def hang(run: ActiveRun, job: Job, *rest: Any) -> Launch:
        if job.name == "hung":
            hanging.append(run.run_id)
            silence.wait(PATIENCE_S)
        return real(run, job, *rest)

    monkeypatch.setattr(module, "launch", hang)
    async with anyio.create_task_group() as hung, anyio.create_task_group() as tasks:
        tasks.start_soon(paper.shell, "true")
        await until(lambda: paper.supervisor.launches)
        for number in range(8):
            order = order_of(Hook(("alert",)), job=job_of("hung"), run_id=f"r{number}")
            hung.start_soon(paper.commands.execute, order, PATIENCE_S)
        await until(lambda: len(hanging) == 4)
        ended = AttemptEnded("hook-on_failure-aa11", exit_of(0), run_of().claimed_at)
        paper.commands.report(ended)
        await until(lambda: not [*paper.folder.glob("hook-on_failure-aa11.*")])
        hung.cancel_scope.cancel()
        silence.set()


# -- supervisors and daemons that go ---------------------------------------------------


async def test_it_has_not_to_say_what_its_job_has_to_say(desk: Desk) -> None:
    """A hook would be ended for its silence, where only the job knows of a watchdog."""
    job = in_(desk, watchdog=timedelta(seconds=0.3), steps=StepPatterns("(?P<step>.+)"))
    assert await desk.shell("echo working; sleep 0.8", job=job) == Answer()


async def test_without_a_supervisor_it_is_worth_another_try(paper: Desk) -> None:
    paper.supervisor.is_gone = True
    answer = await paper.shell("true")
    assert answer == Answer("there is no supervisor to execute it", may_retry=True)


async def test_a_supervisor_that_dies_ends_the_wait(paper: Desk) -> None:
    answers: list[Answer] = []
    order = order_of(Hook(("alert",)))
    assert not paper.commands.is_with_supervisor(order)
    async with anyio.create_task_group() as tasks:

        async def execute() -> None:
            answers.append(await paper.commands.execute(order, 10.0))

        tasks.start_soon(execute)
        await until(lambda: paper.supervisor.launches)
        assert paper.commands.is_with_supervisor(order)
        paper.commands.supervisor_lost()
    assert not paper.commands.is_with_supervisor(order)
    assert answers == [Answer("the supervisor died under it")]


async def test_one_whose_end_is_never_reported_is_not_waited_for_for_ever(
    paper: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough to look up its user, and a tenth of a second for its end.
    monkeypatch.setattr(module, "MARGIN_S", 0.1 - 60.0 - module.KILL_AFTER.total_seconds())
    answer = await paper.shell("true", timeout_s=60.0)
    assert answer == Answer("the supervisor did not report its end")


async def test_one_that_an_earlier_daemon_ordered_is_told_once_it_has_ended(
    paper: Desk, log: list[Any]
) -> None:
    paper.folder.mkdir()
    (paper.folder / "hook-on_failure-r1.json").write_text("{}")
    (paper.folder / "hook-on_failure-r2.json").write_text("{}")
    running = HeldRun(run_of(run_id="hook-on_failure-r1"), run_of().claimed_at, None)
    ended = HeldRun(run_of(run_id="hook-on_failure-r2"), run_of().claimed_at, exit_of(3))
    refused = HeldRun(run_of(run_id="hook-on_failure-r3"), None, None, start_error="no such file")
    await paper.commands.adopt([running, ended, refused])
    assert paper.forgotten == ["hook-on_failure-r2", "hook-on_failure-r3"]
    assert [path.name for path in paper.folder.iterdir()] == ["hook-on_failure-r1.json"]
    paper.commands.report(AttemptEnded("hook-on_failure-r1", exit_of(0), run_of().claimed_at))
    assert paper.forgotten[-1] == "hook-on_failure-r1"
    assert [(record["event"], record["id"], record.get("error")) for record in log] == [
        ("hook of an earlier daemon failed", "hook-on_failure-r2", "exit status 3"),
        ("hook of an earlier daemon failed", "hook-on_failure-r3", "no such file"),
        ("hook of an earlier daemon is done", "hook-on_failure-r1", None),
    ]


async def test_what_is_called_while_left_overs_are_removed_keeps_what_it_reads(
    paper: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_sweeping, may_sweep, sweep = threading.Event(), threading.Event(), module._sweep

    def sweep_late(*arguments: Any) -> None:
        is_sweeping.set()
        may_sweep.wait(PATIENCE_S)
        sweep(*arguments)

    monkeypatch.setattr(module, "_sweep", sweep_late)
    async with anyio.create_task_group() as calls:
        async with anyio.create_task_group() as adoption:
            adoption.start_soon(paper.commands.adopt, [])
            await until(is_sweeping.is_set)
            calls.start_soon(paper.commands.execute, order_of(Hook(("alert",))), 10.0)
            await until(lambda: paper.supervisor.launches)
            may_sweep.set()
        assert [path.name for path in paper.folder.iterdir()] == ["hook-on_failure-aa11.json"]
        calls.cancel_scope.cancel()


def test_a_start_is_no_end(paper: Desk) -> None:
    paper.commands.report(RunStarted("hook-on_failure-r1", run_of().claimed_at))
    assert paper.forgotten == []


@pytest.mark.parametrize(
    ("report", "trouble"),
    [
        (RunNotStarted("hook-x-r1", "no such user"), "no such user"),
        (AttemptEnded("hook-x-r1", exit_of(1), run_of().claimed_at), "exit status 1"),
    ],
)
async def test_every_way_to_end_is_told(
    paper: Desk, log: list[Any], report: Any, trouble: str
) -> None:
    paper.commands.report(report)
    assert [record["error"] for record in log] == [trouble]


@pytest.mark.parametrize("cause", [StopCause.MEMORY, StopCause.SHUTDOWN])
def test_one_that_was_stopped_is_a_failure_whatever_it_answered(
    paper: Desk, log: list[Any], cause: StopCause
) -> None:
    stopped = replace(exit_of(0), stop_cause=cause)
    paper.commands.report(AttemptEnded("hook-x-r1", stopped, run_of().claimed_at))
    assert len(log) == 1


def test_runs_are_no_hooks() -> None:
    assert [is_hook(name) for name in ("hook-on_failure-aa11", "aa11bb22cc33dd44")] == [True, False]


def naps(nap: str) -> list[bytes]:
    """Return the arguments of every process on this machine that sleeps like this: not those
    of another run of these tests."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes())
    return [line for line in lines if line == nap.replace(" ", "\0").encode() + b"\0"]
