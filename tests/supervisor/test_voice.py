"""What a run says of itself: real runs, with and without manners."""

import asyncio
import os
import signal
from typing import Any

from tests.supervisor.senders import cpu_s, send_as, state_of

NOBODY = 65534
SEND = """
import os, socket, time
box = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
box.connect(os.environ["NOTIFY_SOCKET"])
def send(text): box.send(text.encode())
"""
# The times in these programs are what the supervisor judges: how far apart signs of life are, how
# long a run is silent, and that it goes on for longer than it may.
ASK_LATE = SEND + "time.sleep(0.7); send('EXTEND_TIMEOUT_USEC=1200000'); time.sleep(0.9)"


async def test_a_run_that_shows_signs_of_life_lives(open_ward: Any) -> None:
    program = SEND + "for _ in range(8): send('WATCHDOG=1'); time.sleep(0.1)"
    end = await open_ward.run(open_ward.python("lively", program, watchdog_s=0.6))
    assert (end.exit.exit_code, end.exit.stop_cause) == (0, None)


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
    program = SEND + "for _ in range(20): send('WATCHDOG=1'); time.sleep(0.1)"
    await open_ward.start(open_ward.python("lively", program, watchdog_s=0.8))
    os.kill(open_ward.supervisor_pid, signal.SIGSTOP)
    await open_ward.until(lambda: state_of(open_ward.supervisor_pid) == "T", "the stop")
    await asyncio.sleep(1.2)  # longer than it may be silent
    os.kill(open_ward.supervisor_pid, signal.SIGCONT)
    end = await open_ward.end("lively")
    assert (end.exit.exit_code, end.exit.stop_cause) == (0, None)


async def test_a_supervisor_that_slept_hears_who_asked_for_more_time(open_ward: Any) -> None:
    program = SEND + (
        "open('asks', 'w').write('yes\\n'); time.sleep(0.4)\n"
        "send('EXTEND_TIMEOUT_USEC=20000000'); time.sleep(1.6)"
    )
    cwd = str(open_ward.directory)
    await open_ward.start(open_ward.python("run", program, timeout_s=1.5, cwd=cwd))
    await open_ward.file("asks")
    os.kill(open_ward.supervisor_pid, signal.SIGSTOP)
    await open_ward.until(lambda: state_of(open_ward.supervisor_pid) == "T", "the stop")
    await asyncio.sleep(1.7)  # longer than its timeout
    os.kill(open_ward.supervisor_pid, signal.SIGCONT)
    end = await open_ward.end("run")
    assert (end.exit.exit_code, end.exit.stop_cause) == (0, None)


async def test_a_run_gets_more_time_when_it_asks_in_time(open_ward: Any) -> None:
    asked = open_ward.python("asked", ASK_LATE, timeout_s=1.2)
    silent = open_ward.python("silent", "import time; time.sleep(1.6)", timeout_s=1.2)
    await open_ward.start(asked, silent)
    assert (await open_ward.end("silent")).exit.stop_cause == "timeout"
    assert (await open_ward.end("asked")).exit.exit_code == 0


async def test_another_user_s_run_is_heard(open_ward: Any) -> None:
    script = "echo $NOTIFY_SOCKET; exec sleep 1.5"
    launch = open_ward.shell("run", script, uid=NOBODY, gid=NOBODY, watchdog_s=1.0)
    await open_ward.start(launch)
    path = await open_ward.until(lambda: open_ward.output("run").decode().strip(), "the path")
    for _ in range(4):
        assert send_as(NOBODY, path, b"WATCHDOG=1")
        await asyncio.sleep(0.2)  # the last one covers the rest of the run, the first does not
    end = await open_ward.end("run")
    assert (end.exit.exit_code, end.exit.stop_cause) == (0, None)


async def test_a_run_that_floods_its_socket_holds_up_nobody(open_ward: Any) -> None:
    flood = SEND + "while True: send('X_JOBD_STEP=' + 'x' * 4000)"
    loud = open_ward.python("loud", flood)
    huge = open_ward.python("huge", SEND + "while True: send('x' * 60000)")
    await open_ward.start(loud, huge)
    before = cpu_s(open_ward.supervisor_pid)
    for number in range(20):
        end = await open_ward.run(open_ward.shell(f"other-{number}", "sleep 0.02"))
        assert end.exit.duration_s < 2.0
    spent_s = cpu_s(open_ward.supervisor_pid) - before
    assert spent_s < 0.5, "what is beyond the measure costs the supervisor nothing"
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
    await open_ward.start(open_ward.shell("run", "echo $NOTIFY_SOCKET; exec sleep 600"))
    path = await open_ward.until(lambda: open_ward.output("run").decode().strip(), "the path")
    os.kill(open_ward.supervisor_pid, signal.SIGKILL)
    directory, _, own = path.rpartition("/")[0].rpartition("/")
    await open_ward.until(lambda: own not in os.listdir(directory), "the guard's work")
