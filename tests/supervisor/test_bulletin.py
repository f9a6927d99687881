"""What runs say reaches the daemon, in a measure that is not theirs to choose."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from jobd.core.events import RunSaid
from jobd.core.said import Said
from jobd.supervisor.bulletin import Bulletin
from jobd.supervisor.connection import Connection
from jobd.supervisor.loop import Loop
from jobd.supervisor.protocol import encode
from jobd.supervisor.voice import Voice
from jobd.supervisor.wire import launch_frame
from tests.supervisor.test_voice import SEND

# A run that sleeps for 600 s goes on until the end of its test.
SAY = SEND + "send('STATUS=half way\\nX_JOBD_PROGRESS=0.5\\nX_JOBD_STEP=load')\n"


def said_of(ward: Any, run_id: str) -> list[Said]:
    return [r.said for r in ward.reports if isinstance(r, RunSaid) and r.run_id == run_id]


def is_told(ward: Any, step: str) -> bool:
    return step in {said.step for said in said_of(ward, "run")}


async def test_the_daemon_learns_what_a_run_says(open_ward: Any) -> None:
    await open_ward.start(open_ward.python("run", SAY + "time.sleep(600)"))
    await open_ward.report(RunSaid, "run")
    (said,) = said_of(open_ward, "run")
    assert (said.status, said.progress, said.step) == ("half way", 0.5, "load")
    assert abs(said.step_since.timestamp() - time.time()) < 10


async def test_the_next_daemon_is_told_again(open_ward: Any) -> None:
    await open_ward.start(open_ward.python("run", SAY + "time.sleep(600)"))
    before = await open_ward.report(RunSaid, "run")
    await open_ward.drop()
    open_ward.reports.clear()
    open_ward.client = open_ward.new_client()
    await open_ward.adopt()
    after = await open_ward.report(RunSaid, "run")
    assert (after.said.step, after.said.status) == (before.said.step, before.said.status)


async def test_a_daemon_that_knows_of_no_such_words_gets_none(open_ward: Any) -> None:
    """It would take them for a defect and hang up."""
    await open_ward.drop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as older:
        older.settimeout(60)
        older.connect(str(open_ward.socket))
        older.sendall(b'{"op":"hello","version":1}\n')
        frames = older.makefile("rb")
        assert b'"welcome"' in frames.readline()
        # It is silence that is judged: its words would be passed on in this time.
        launch = open_ward.python("run", SAY + "time.sleep(0.3)")
        older.sendall(encode(launch_frame(launch)))
        kinds = [frames.readline() for _ in range(2)]
    assert [b'"started"' in kinds[0], b'"ended"' in kinds[1]] == [True, True]


async def test_who_talks_all_the_time_is_passed_on_once_a_second(open_ward: Any) -> None:
    program = SEND + (  # for 2.5 s, a hundred times a second
        "end = time.monotonic() + 2.5\n"
        "while time.monotonic() < end: send(f'STATUS={time.monotonic()}'); time.sleep(0.01)"
    )
    await open_ward.run(open_ward.python("run", program))
    assert 2 <= len(said_of(open_ward, "run")) <= 4


class Talker:
    """The voice of a run that always has something new to say."""

    has_spoken = True

    def words(self) -> dict[str, object]:
        return {"status": "x" * 10_000}


class Seconds:
    """Stands for the loop: the next thing that is due comes when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_at(self, _: float, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def pass_by(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


def test_nothing_piles_up_for_a_daemon_that_does_not_read() -> None:
    """One that hangs may be connected for days; once it reads, it is told the latest."""
    ours, theirs = socket.socketpair()
    daemon = Connection(ours, Loop(), lambda _: None)
    seconds, talker = Seconds(), Talker()
    bulletin = Bulletin(cast(Loop, seconds), daemon.send)
    bulletin.greet({"run": cast(Voice, talker)}, lambda: not daemon.is_behind)
    for _ in range(1000):
        bulletin.note("run", cast(Voice, talker))
        seconds.pass_by()
        daemon.flush()
    assert daemon.is_behind
    assert len(daemon._outgoing) < 200_000
    while daemon.is_behind:
        theirs.recv(1 << 20)
        daemon.flush()
    before = len(daemon._outgoing)
    seconds.pass_by()
    assert len(daemon._outgoing) > before, "nothing was lost that is still true"
    daemon.close()
    theirs.close()


async def test_the_end_of_a_run_has_its_steps(open_ward: Any) -> None:
    os.mkfifo(open_ward.directory / "go")
    program = SEND + (
        "send('X_JOBD_STEP=load'); open('go').read()\n"
        "send('X_JOBD_STEP=send mails'); open('go').read()\n"
    )
    await open_ward.start(open_ward.python("run", program, cwd=str(open_ward.directory)))
    for step in ("load", "send_mails"):
        await open_ward.until(partial(is_told, open_ward, step), step)
        await asyncio.sleep(0.3)  # what each step takes at the least, from when it is heard of
        (open_ward.directory / "go").write_text("\n")
    end = await open_ward.end("run")
    steps = {time.step: time.duration_s for time in end.exit.steps}
    assert list(steps) == ["load", "send_mails"]
    assert min(steps.values()) > 0.29
    assert sum(steps.values()) <= end.exit.duration_s


async def test_steps_survive_the_daemon_like_the_end_itself(open_ward: Any) -> None:
    end = await open_ward.run(open_ward.python("run", SAY))
    await open_ward.drop()
    open_ward.client = open_ward.new_client()
    (held,) = await open_ward.adopt()
    assert [time.step for time in held.exit.steps] == ["load"]
    assert held.exit.steps == end.exit.steps


async def test_steps_survive_the_supervisor_in_its_spool(
    ward: Any, alive: Callable[[int], bool]
) -> None:
    await ward.open("--linger", "0.2")
    await ward.run(ward.python("run", SAY))
    pid = ward.supervisor_pid
    await ward.drop()
    await ward.until(lambda: not alive(pid), "its leave")
    (held,) = await ward.open()
    assert [time.step for time in held.exit.steps] == ["load"]
