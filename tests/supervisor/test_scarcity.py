"""What a run gets, and what it is told, where something that it wants is scarce."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from tests.supervisor.test_stepper import PRETIX

ROOT = Path(__file__).parents[2]


async def open_with(ward: Any, script: str, python: tuple[str, ...]) -> asyncio.subprocess.Process:
    """Have the ward's supervisor started by a shell that does something before."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", script + '; exec "$@"', "sh", sys.executable, *python,
        "--state-dir", str(ward.directory), "--socket", str(ward.socket),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
    ward.client = ward.new_client(owned=False)
    await ward.adopt()
    return process


async def last_words(process: asyncio.subprocess.Process) -> str:
    """End a supervisor; return what it said to its log."""
    process.terminate()
    _, said = await asyncio.wait_for(process.communicate(), 20)
    return said.decode()


async def test_descriptors_are_reckoned_by_what_a_run_needs(ward: Any) -> None:
    """Of the 64 that are ours and 15 more three runs can be held, and not one less because
    others have their output searched for steps."""
    process = await open_with(ward, "ulimit -n 79", ("-m", "jobd.supervisor"))
    runs = [ward.shell(f"run-{number}", "exec sleep 600") for number in range(3)]
    await ward.start(*runs[:2])
    refused = await ward.refusal(ward.shell("searched", "exit 0", steps=PRETIX))
    assert refused.startswith("2 runs at once are all that the supervisor's limit on open files")
    await ward.start(runs[2])
    assert "LimitNOFILE=" in await ward.refusal(ward.shell("run-3", "exit 0"))
    await ward.client.stop("run-0", "cancel")
    await ward.client.stop("run-1", "cancel")
    await ward.end("run-0")
    await ward.end("run-1")
    searched = await ward.run(ward.shell("searched-2", "exit 0", steps=PRETIX))
    assert searched.exit.exit_code == 0
    await last_words(process)


async def test_a_run_starts_without_a_socket_where_there_can_be_none(ward: Any) -> None:
    """It says so in the log; only a watchdog, which would end it, cannot do without."""
    without = (
        "import sys; from jobd.supervisor import __main__, mailboxes; "
        "mailboxes._LONGEST_DIRECTORY = 0; sys.exit(__main__.main(sys.argv[1:]))"
    )
    process = await open_with(ward, ":", ("-c", without))
    end = await ward.run(ward.shell("run", "echo ${NOTIFY_SOCKET-none}", steps=PRETIX))
    assert (end.exit.exit_code, end.exit.steps_trouble) == (0, "")
    assert ward.output("run") == b"none\n"
    refused = await ward.refusal(ward.shell("watched", "exit 0", watchdog_s=5.0))
    assert "no NOTIFY_SOCKET for its watchdog" in refused
    assert "run run has no NOTIFY_SOCKET: " in await last_words(process)
