"""Output of real children: never blocks them, never grows us."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


async def test_both_streams_are_kept_in_their_true_order(open_ward: Any) -> None:
    script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done"
    await open_ward.run(open_ward.shell("both", script))
    assert open_ward.output("both") == b"out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"


async def test_what_is_written_can_be_read_while_the_run_goes_on(open_ward: Any) -> None:
    await open_ward.start(open_ward.shell("slow", "echo first; sleep 600"))
    await open_ward.until(lambda: open_ward.output("slow") == b"first\n", "the first line")


async def test_a_silent_run_leaves_no_file(open_ward: Any) -> None:
    await open_ward.run(open_ward.shell("silent", ":"))
    assert not open_ward.output_path("silent").exists()


async def test_the_file_and_its_directory_are_for_nobody_else(open_ward: Any) -> None:
    await open_ward.run(open_ward.shell("secret", "echo password"))
    path = open_ward.output_path("secret")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_link_in_the_place_of_an_output_is_not_followed(open_ward: Any) -> None:
    """Root would write to, and first of all empty, whatever it leads to."""
    precious = open_ward.directory / "precious"
    precious.write_text("precious")
    path = open_ward.output_path("run")
    path.parent.mkdir(parents=True)
    path.symlink_to(precious)
    end = await open_ward.run(open_ward.shell("run", "echo hello"))
    assert precious.read_text() == "precious"
    assert (end.exit.exit_code, end.exit.output_dropped_bytes) == (0, 6)


async def test_a_gigabyte_passes_and_nothing_of_ours_grows(open_ward: Any) -> None:
    size = 1 << 30
    await open_ward.start(
        open_ward.shell("flood", f"head -c {size} /dev/zero; echo end", output_max_bytes=1 << 16)
    )
    small = await open_ward.run(open_ward.shell("meanwhile", "echo hello"))
    assert small.exit.exit_code == 0
    end = await open_ward.end("flood")
    assert end.exit.output_bytes == size + 4
    assert end.exit.output_dropped_bytes == size + 4 - (1 << 16)
    assert open_ward.output("flood").endswith(b"\0end\n")
    assert open_ward.output_path("flood").stat().st_size <= (1 << 16) + 64
    assert _peak_memory_mib(open_ward.supervisor_pid) < 24


async def test_a_flood_does_not_delay_another_run_s_deadline(open_ward: Any) -> None:
    await open_ward.start(
        open_ward.shell("flood", "exec cat /dev/zero"),
        open_ward.shell("timed", "sleep 600", timeout_s=0.3),
    )
    end = await open_ward.end("timed")
    assert end.exit.stop_cause == "timeout"
    assert end.exit.duration_s < 60


async def test_binary_junk_and_a_line_without_end_pass_as_they_are(open_ward: Any) -> None:
    program = "import os\nfor _ in range(40): os.write(1, bytes(range(256)) * 64)"
    end = await open_ward.run(open_ward.python("junk", program))
    assert open_ward.output("junk") == bytes(range(256)) * 64 * 40
    assert end.exit.output_dropped_bytes == 0


async def test_the_last_words_of_a_run_are_kept(open_ward: Any) -> None:
    program = "import os; os.write(1, b'x' * 65536); os.kill(os.getpid(), 9)"
    end = await open_ward.run(open_ward.python("dies", program))
    assert end.exit.output_bytes == 65536


async def test_a_disk_without_room_costs_the_output_and_not_the_run(open_ward: Any) -> None:
    """A directory that cannot be made stands for every way in which a disk refuses."""
    blocked = open_ward.directory / "blocked"
    blocked.write_text("a file, where a directory is wanted")
    launch = open_ward.shell("poor", "echo lost; exit 3", output=str(blocked / "poor.1"))
    end = await open_ward.run(launch)
    assert end.exit.exit_code == 3
    assert (end.exit.output_bytes, end.exit.output_dropped_bytes) == (5, 5)


async def test_output_max_of_zero_keeps_and_blocks_nothing(open_ward: Any) -> None:
    end = await open_ward.run(
        open_ward.shell("none", "head -c 300000 /dev/zero", output_max_bytes=0)
    )
    assert (end.exit.output_bytes, end.exit.output_dropped_bytes) == (300_000, 300_000)


async def test_the_supervisor_is_small(open_ward: Any) -> None:
    """Both processes together have 70 MiB with 20 jobs; most of it is the daemon's."""
    for number in range(20):
        await open_ward.run(open_ward.shell(f"run-{number}", "echo hello"))
    assert _peak_memory_mib(open_ward.supervisor_pid) < 20


def test_the_supervisor_imports_nothing_that_costs_much() -> None:
    heavy = "asyncio logging dataclasses subprocess threading typing argparse datetime"
    root = Path(__file__).parents[2]
    script = "import sys, jobd.supervisor.__main__; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert loaded & set(heavy.split()) == set()
    assert {name for name in loaded if name.startswith(("jobd.core", "jobd.ports"))} == set()


def _peak_memory_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) >> 10
