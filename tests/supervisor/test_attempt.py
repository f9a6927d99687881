"""A run from its start to the end of its whole tree, by every means of holding one."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

# Leaves a grandchild behind that has a session and a parent of its own, no environment,
# and none of our pipes: nothing but its tree to know it by.
ESCAPE = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        with open(sys.argv[1] + ".new", "w") as file:
            file.write(f"{os.getpid()}\\n")
        os.rename(sys.argv[1] + ".new", sys.argv[1])
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
"""


async def test_exit_status_and_signal_are_told_apart(open_ward: Any) -> None:
    well = await open_ward.run(open_ward.shell("well", "exit 0"))
    badly = await open_ward.run(open_ward.shell("badly", "exit 3"))
    killed = await open_ward.run(open_ward.shell("killed", "kill -SEGV $$"))
    assert (well.exit.exit_code, well.exit.signal) == (0, None)
    assert (badly.exit.exit_code, badly.exit.signal) == (3, None)
    assert (killed.exit.exit_code, killed.exit.signal) == (None, signal.SIGSEGV)
    assert not any(end.exit.stop_cause for end in (well, badly, killed))


async def test_a_timeout_sends_the_stop_signal_and_says_so(any_ward: Any) -> None:
    script = "trap 'echo stopped; exit 9' USR1; while :; do sleep 0.01; done"
    end = await any_ward.run(
        # Its trap must be there before the timeout: until then the signal would end it.
        any_ward.shell("slow", script, timeout_s=1.5, stop_signal=signal.SIGUSR1, kill_after_s=10)
    )
    assert end.exit.stop_cause == "timeout"
    assert end.exit.exit_code == 9
    assert any_ward.output("slow").endswith(b"stopped\n")


async def test_who_ignores_the_stop_signal_is_killed_after_kill_after(any_ward: Any) -> None:
    ignored = signal.SIGWINCH  # by whoever does not ask for it, from the first moment on
    stubborn = any_ward.launch(
        "stubborn", "/bin/sleep", "600", timeout_s=0.1, stop_signal=ignored, kill_after_s=0.2
    )
    end = await any_ward.run(stubborn)
    assert (end.exit.stop_cause, end.exit.signal) == ("timeout", signal.SIGKILL)
    assert end.exit.duration_s >= 0.3


async def test_a_stop_reaches_who_made_a_session_and_forked_twice(
    any_ward: Any, alive: Callable[[int], bool]
) -> None:
    # It would outlive the test: what ends it is the stop.
    escape = any_ward.python("escape", ESCAPE + "time.sleep(600)")
    await any_ward.start(_with_argument(escape, f"{any_ward.directory}/pid"))
    pid = int(await any_ward.file("pid"))
    await any_ward.client.stop("escape", "cancel")
    end = await any_ward.end("escape")
    assert end.exit.stop_cause == "cancel"
    assert not alive(pid)


async def test_the_run_ends_when_its_tree_is_gone_not_when_its_main_process_is(
    any_ward: Any, alive: Callable[[int], bool]
) -> None:
    tell_pid = "with open('main', 'w') as file: file.write(f'{os.getpid()}\\n')\n"
    program = ESCAPE + tell_pid + "sys.exit(4)"
    escape = any_ward.python("lingers", program, cwd=str(any_ward.directory))
    await any_ward.start(_with_argument(escape, f"{any_ward.directory}/pid"))
    main, pid = [int(await any_ward.file(name)) for name in ("main", "pid")]
    await any_ward.until(lambda: not alive(main), "the end of the main process")
    assert alive(pid)
    await any_ward.client.extend({"lingers": _steady_s() + 0.2})
    end = await any_ward.end("lingers")
    assert end.exit.exit_code == 4
    assert end.exit.stop_cause == "trust", "what remained had still to be dead in time"
    assert not alive(pid)


async def test_closing_every_pipe_does_not_end_a_run(any_ward: Any) -> None:
    """Daemons close their output; a supervisor that waits for end of file loses them."""
    end = await any_ward.run(any_ward.shell("quiet", "exec >&- 2>&- <&-; sleep 0.5; exit 5"))
    assert end.exit.exit_code == 5
    assert end.exit.duration_s > 0.2


async def test_a_pipe_that_stays_open_does_not_keep_a_run(open_ward: Any) -> None:
    """A process of another run that got hold of the pipe must not make this one endless."""
    fifo = open_ward.directory / "fifo"
    os.mkfifo(fifo)
    keeper = open_ward.shell("keeper", f"exec 5</proc/$(cat {fifo})/fd/1; echo ok; sleep 600")
    giver = open_ward.shell("giver", f"echo $$ > {fifo}; sleep 0.2; exit 0")
    await open_ward.client.start([keeper, giver])
    end = await open_ward.end("giver")
    assert end.exit.exit_code == 0


async def test_a_fork_tree_dies_whole(any_ward: Any) -> None:
    tree = "f() { [ $1 -gt 0 ] && { f $(($1-1)) & f $(($1-1)) & wait; }; trap '' TERM; sleep 600; }"
    await any_ward.start(any_ward.shell("tree", f"{tree}; f 4 & f 4 & echo up; wait"))
    await any_ward.until(lambda: any_ward.output("tree") == b"up\n", "the tree")
    await any_ward.client.stop("tree", "cancel")
    assert (await any_ward.end("tree")).exit.stop_cause == "cancel"


async def test_a_stopped_tree_can_still_be_stopped(any_ward: Any) -> None:
    """SIGTERM alone stays pending in a process that SIGSTOP holds."""
    script = "trap 'exit 6' TERM; echo up; kill -STOP $$; while :; do sleep 0.01; done"
    await any_ward.start(any_ward.shell("frozen", script, kill_after_s=15))
    await any_ward.until(lambda: any_ward.output("frozen"), "the run's first word")
    await any_ward.client.stop("frozen", "cancel")
    assert (await any_ward.end("frozen")).exit.exit_code == 6


async def test_the_first_cause_counts(open_ward: Any) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    await open_ward.start(open_ward.shell("twice", script, kill_after_s=0.5))
    await open_ward.until(lambda: open_ward.output("twice"), "its trap")
    await open_ward.client.stop("twice", "replace")
    await open_ward.client.stop("twice", "cancel")
    assert (await open_ward.end("twice")).exit.stop_cause == "replace"


async def test_stopping_a_run_that_nobody_knows_is_harmless(open_ward: Any) -> None:
    await open_ward.client.stop("nobody", "cancel")
    assert (await open_ward.run(open_ward.shell("after", "exit 0"))).exit.exit_code == 0


async def test_a_run_is_dead_by_the_instant_it_was_given(open_ward: Any) -> None:
    """Trusted until: whatever ignores its stop signal before is killed then, not later."""
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    await open_ward.start(open_ward.shell("leased", script, kill_after_s=60, timeout_s=600))
    await open_ward.until(lambda: open_ward.output("leased"), "its trap")
    await open_ward.client.extend({"leased": _steady_s() + 0.6})
    end = await open_ward.end("leased")
    assert (end.exit.stop_cause, end.exit.signal) == ("trust", signal.SIGKILL)


async def test_renewals_push_the_instant_on(open_ward: Any) -> None:
    os.mkfifo(open_ward.directory / "go")
    await open_ward.start(open_ward.shell("renewed", f"read _ < {open_ward.directory}/go; exit 8"))
    until = _steady_s() + 2.0
    await open_ward.client.extend({"renewed": until})
    await open_ward.client.extend({"renewed": until + 300})
    await open_ward.until(lambda: _steady_s() > until + 0.1, "the first instant")
    (open_ward.directory / "go").write_text("\n")
    assert (await open_ward.end("renewed")).exit.exit_code == 8


async def test_without_renewals_to_come_only_the_timeout_counts(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("freed", "sleep 600", timeout_s=2.5))
    await open_ward.client.extend({"freed": _steady_s() + 2.0})
    await open_ward.client.extend({"freed": None})
    assert (await open_ward.end("freed")).exit.stop_cause == "timeout"


async def test_cpu_time_counts_descendants(any_ward: Any) -> None:
    burn = "import os, time\nif os.fork(): os.wait()\nelse:\n  while time.process_time() < 0.3: 0"
    end = await any_ward.run(any_ward.python("burn", burn))
    assert end.exit.cpu_s >= 0.3


def _with_argument(launch: Any, argument: str) -> Any:
    return replace(launch, argv=(*launch.argv, argument))


def _steady_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
