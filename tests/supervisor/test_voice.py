"""What a run says of itself: real runs, with and without manners."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jobd.core.events import RunSaid
from jobd.supervisor.instants import steady_s
from tests.supervisor.senders import cpu_s, send, send_as, state_of

NOBODY = 65534
SEND = """
import os, socket, time
box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
box.connect(os.environ["NOTIFY_SOCKET"])
def send(text): box.send(text.encode())
"""
ALIVE, MORE_TIME = b"WATCHDOG=1", b"EXTEND_TIMEOUT_USEC=20000000"
# A run that goes on for longer than it may, and the test speaks for it. What counts from its start
# may pass by only when the test says so.
TELL_SOCKET = "echo $NOTIFY_SOCKET; exec sleep 600"
ALLOWED_S = 3.0


async def socket_of(ward: Any, run_id: str) -> str:
    path: str = await ward.until(lambda: ward.output(run_id).decode().strip(), "the path")
    return path


@asynccontextmanager
async def saying(ward: Any, run_id: str, message: bytes) -> AsyncIterator[None]:
    """Have a run say the same thing again and again, until it is to be stopped."""
    path = await socket_of(ward, run_id)

    async def say() -> None:
        while True:
            send(path, message)
            await asyncio.sleep(0.1)  # between two messages

    task = asyncio.create_task(say())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def sleeping_past(ward: Any, instant_s: float) -> AsyncIterator[None]:
    """Stop the supervisor; let it go on when an instant has passed, until it has judged."""
    os.kill(ward.supervisor_pid, signal.SIGSTOP)
    await ward.until(lambda: state_of(ward.supervisor_pid) == "T", "the stop")
    yield
    await ward.until(lambda: steady_s() > instant_s, "an instant")
    os.kill(ward.supervisor_pid, signal.SIGCONT)
    await ward.run(ward.shell("afterwards", ":"))


async def goes_on(ward: Any, run_id: str) -> bool:
    """Whether nothing ended a run before we do."""
    await ward.client.stop(run_id, "cancel")
    return bool((await ward.end(run_id)).exit.stop_cause == "cancel")


async def test_a_run_that_shows_signs_of_life_lives(open_ward: Any) -> None:
    lively, silent = (
        open_ward.shell(name, TELL_SOCKET, watchdog_s=ALLOWED_S) for name in ("lively", "silent")
    )
    await open_ward.start(lively, silent)
    async with saying(open_ward, "lively", ALIVE):
        assert (await open_ward.end("silent")).exit.stop_cause == "watchdog"
    assert await goes_on(open_ward, "lively")


async def test_a_run_that_falls_silent_is_stopped_by_its_watchdog(any_ward: Any) -> None:
    program = SEND + "send('WATCHDOG=1'); time.sleep(600)"
    end = await any_ward.run(any_ward.python("silent", program, watchdog_s=0.4))
    assert (end.exit.stop_cause, end.exit.signal) == ("watchdog", signal.SIGTERM)


async def test_a_run_learns_how_often_it_is_to_show_signs_of_life(open_ward: Any) -> None:
    """As systemd tells its services; libraries look for it (sd_watchdog_enabled(3))."""
    await open_ward.run(open_ward.shell("told", "echo $WATCHDOG_USEC", watchdog_s=20))
    await open_ward.run(open_ward.shell("untold", "echo ${WATCHDOG_USEC-none}"))
    assert (open_ward.output("told"), open_ward.output("untold")) == (b"20000000\n", b"none\n")


async def test_a_supervisor_that_slept_reads_before_it_judges(open_ward: Any) -> None:
    """Its own sleep is no silence of the run's."""
    await open_ward.start(open_ward.shell("lively", TELL_SOCKET, watchdog_s=ALLOWED_S))
    silent_until_s = steady_s() + ALLOWED_S
    path = await socket_of(open_ward, "lively")
    async with sleeping_past(open_ward, silent_until_s):
        send(path, ALIVE)
    assert await goes_on(open_ward, "lively")


async def test_a_supervisor_that_slept_hears_who_asked_for_more_time(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("run", TELL_SOCKET, timeout_s=ALLOWED_S))
    over_at_s = steady_s() + ALLOWED_S
    path = await socket_of(open_ward, "run")
    async with sleeping_past(open_ward, over_at_s):
        send(path, MORE_TIME)
    assert await goes_on(open_ward, "run")


async def test_a_run_gets_more_time_when_it_asks_in_time(open_ward: Any) -> None:
    asked, silent = (
        open_ward.shell(name, TELL_SOCKET, timeout_s=ALLOWED_S) for name in ("asked", "silent")
    )
    await open_ward.start(asked, silent)
    async with saying(open_ward, "asked", MORE_TIME):
        assert (await open_ward.end("silent")).exit.stop_cause == "timeout"
    assert await goes_on(open_ward, "asked")


async def test_another_user_s_run_is_heard(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("run", TELL_SOCKET, uid=NOBODY, gid=NOBODY))
    assert send_as(NOBODY, await socket_of(open_ward, "run"), b"STATUS=hello")
    assert (await open_ward.report(RunSaid, "run")).said.status == "hello"


async def cost_of_others(ward: Any, name: str) -> float:
    """Return what CPU time the supervisor needs for runs that none may hold up."""
    before = cpu_s(ward.supervisor_pid)
    for number in range(20):
        end = await ward.run(ward.shell(f"{name}-{number}", "sleep 0.02"))
        assert end.exit.duration_s < 30
    return cpu_s(ward.supervisor_pid) - before


async def test_a_run_that_floods_its_socket_holds_up_nobody(open_ward: Any) -> None:
    flood = SEND + "while True: send('X_JOBD_STEP=' + 'x' * 4000)"
    loud = open_ward.python("loud", flood)
    huge = open_ward.python("huge", SEND + "while True: send('x' * 60000)")
    quiet_s = await cost_of_others(open_ward, "quiet")
    await open_ward.start(loud, huge)
    spent_s = await cost_of_others(open_ward, "beside")
    assert spent_s < 5 * quiet_s + 0.5, "what is beyond the measure costs next to nothing"
    await open_ward.client.stop("loud", "cancel")
    await open_ward.client.stop("huge", "cancel")
    await open_ward.end("loud")
    await open_ward.end("huge")


async def test_the_socket_is_gone_with_the_run(open_ward: Any) -> None:
    await open_ward.run(open_ward.shell("run", "echo $NOTIFY_SOCKET"))
    path = open_ward.output("run").decode().strip()
    assert path.startswith("/")
    assert os.listdir(path.rpartition("/")[0]) == []


async def test_a_dead_supervisor_s_sockets_are_gone_with_it(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("run", TELL_SOCKET))
    path = await socket_of(open_ward, "run")
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    directory, _, own = path.rpartition("/")[0].rpartition("/")
    await open_ward.until(lambda: own not in os.listdir(directory), "the guard's work")
