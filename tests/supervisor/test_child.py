"""How a child finds itself, and why it could not be started."""

import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534


async def test_the_environment_is_only_what_was_ordered(open_ward: Any) -> None:
    env = {"PATH": "/usr/bin:/bin", "EMPTY": "", "UMLAUT": "ä", "BYTES": "\udcff"}
    await open_ward.run(open_ward.launch("env", "/usr/bin/env", "-0", env=env))
    entries = open_ward.output("env").split(b"\0")[:-1]
    sockets = [entry for entry in entries if entry.startswith(b"NOTIFY_SOCKET=/")]
    entries.remove(*sockets)
    assert sorted(entries) == sorted(
        [b"PATH=/usr/bin:/bin", b"EMPTY=", b"UMLAUT=\xc3\xa4", b"BYTES=\xff"]
    )


@pytest.mark.parametrize("changes", [{}, {"nice": 0}], ids=["spawned", "forked"])
async def test_a_child_starts_clean(open_ward: Any, changes: dict[str, Any]) -> None:
    """Session, descriptors, signals, limits: nothing of the supervisor's shows."""
    program = """
import os, resource, signal
print(os.getsid(0) == os.getpid(), os.getcwd(), sorted(os.listdir("/proc/self/fd")))
status = dict(l.split(":\\t", 1) for l in open("/proc/self/status"))
print(status["SigBlk"].strip(), int(status["SigIgn"], 16) & ~(1 << 12 | 1 << 24) & 0x7FFFFFFF)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == int(os.environ["SOFT"]))
print(os.readlink("/proc/self/fd/0"), oct(os.umask(0)))
"""
    soft = str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    launch = open_ward.python(
        "clean", program, env={"SOFT": soft}, cwd="/usr", umask=0o027, **changes
    )
    end = await open_ward.run(launch)
    assert end.exit.exit_code == 0, open_ward.output("clean")
    lines = open_ward.output("clean").decode().splitlines()
    # The interpreter ignores SIGPIPE (13) and SIGXFSZ (25), libc 32 and 33; the fourth
    # descriptor is the one that lists them.
    assert lines == [
        "True /usr ['0', '1', '2', '3']", "0000000000000000 0", "True", "/dev/null 0o27",
    ]  # fmt: skip


async def test_another_user_with_supplementary_groups(open_ward: Any) -> None:
    launch = open_ward.launch("id", "/usr/bin/id", uid=NOBODY, gid=NOBODY, groups=(4, 12))
    await open_ward.run(launch)
    words = open_ward.output("id").decode()
    assert words.startswith(f"uid={NOBODY}")
    groups = words.split("groups=")[1].strip()
    assert {int(part.split("(")[0]) for part in groups.split(",")} == {NOBODY, 4, 12}


async def test_without_groups_none_of_the_supervisor_s_remain(open_ward: Any) -> None:
    await open_ward.run(open_ward.launch("id", "/usr/bin/id", "-G", uid=NOBODY, gid=NOBODY))
    assert open_ward.output("id").split() == [str(NOBODY).encode()]


async def test_nobody_cannot_become_root_again(open_ward: Any) -> None:
    """Real, effective, saved and file-system id: one that stayed 0 would be a way back."""
    words = ("/bin/grep", "-E", "^([UG]id|CapEff):", "/proc/self/status")
    await open_ward.run(open_ward.launch("ids", *words, uid=NOBODY, gid=NOBODY))
    ids = [str(NOBODY)] * 4
    lines = [line.split() for line in open_ward.output("ids").decode().splitlines()]
    assert lines == [["Uid:", *ids], ["Gid:", *ids], ["CapEff:", "0" * 16]]


async def test_umask_holds_for_what_the_child_makes(open_ward: Any) -> None:
    path = open_ward.directory / "made"
    await open_ward.run(open_ward.shell("umask", f": > {path}", umask=0o037))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_nice_and_oom_score_stand_from_the_start(open_ward: Any) -> None:
    program = "import os; print(os.nice(0), open('/proc/self/oom_score_adj').read().strip())"
    await open_ward.run(open_ward.python("nice", program, nice=7, oom_score_adj=321))
    assert open_ward.output("nice") == b"7 321\n"


async def test_stdin_is_the_file_named(open_ward: Any) -> None:
    path = open_ward.directory / "input"
    path.write_text("from a file\n")
    await open_ward.run(open_ward.launch("cat", "/bin/cat", stdin=str(path)))
    assert open_ward.output("cat") == b"from a file\n"


async def test_a_fifo_without_a_writer_holds_nobody_up(open_ward: Any) -> None:
    fifo = open_ward.directory / "fifo"
    os.mkfifo(fifo)
    await open_ward.client.start([open_ward.launch("reader", "/bin/cat", stdin=str(fifo))])
    assert (await open_ward.run(open_ward.shell("other", "exit 0"))).exit.exit_code == 0


async def test_a_program_is_found_by_the_child_s_own_path(open_ward: Any) -> None:
    program = open_ward.directory / "bin" / "my-program"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    env = {"PATH": f"/nowhere:{program.parent}:/bin"}
    await open_ward.run(open_ward.launch("found", "my-program", env=env))
    assert open_ward.output("found") == b"mine\n"


def _script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


FORKED = [{}, {"nice": 1}]


@pytest.mark.parametrize("changes", FORKED, ids=["spawned", "forked"])
async def test_every_reason_not_to_start_is_told(open_ward: Any, changes: dict[str, Any]) -> None:
    here = open_ward.directory
    orders = {
        "no such file": ("/no/such/program",),
        "not found in PATH": ("no-such-program",),
        "permission denied": (_script(here / "plain", "#!/bin/sh\n", 0o644),),
        "is a directory": ("/usr",),
        "its interpreter": (_script(here / "orphan", "#!/no/such/interpreter\n"),),
        "is no program": (_script(here / "text", "just words\n"),),
        "arguments and environment": ("/bin/true", *["x" * 100_000] * 60),
    }
    for number, (words, argv) in enumerate(orders.items()):
        reason = await open_ward.refusal(open_ward.launch(f"run-{number}", *argv, **changes))
        assert words in reason
    assert (await open_ward.run(open_ward.shell("after", "exit 0"))).exit.exit_code == 0


@pytest.mark.parametrize("changes", FORKED, ids=["spawned", "forked"])
async def test_a_directory_or_input_that_is_not_there_is_told(
    open_ward: Any, changes: dict[str, Any]
) -> None:
    no_cwd = open_ward.launch("cwd", "/bin/true", cwd="/no/such", **changes)
    no_stdin = open_ward.launch("stdin", "/bin/true", stdin="/no/input", **changes)
    assert "cwd /no/such: No such file" in await open_ward.refusal(no_cwd)
    assert "stdin /no/input: No such file" in await open_ward.refusal(no_stdin)


async def test_a_directory_that_only_the_supervisor_may_enter_is_told(open_ward: Any) -> None:
    """The child's rights count, not those of root who starts it."""
    closed = open_ward.directory / "closed"
    closed.mkdir(mode=0o700)
    launch = open_ward.launch("closed", "/bin/true", cwd=str(closed), uid=NOBODY, gid=NOBODY)
    assert f"cwd {closed}: Permission denied" in await open_ward.refusal(launch)


async def test_text_that_no_program_can_take_is_told(open_ward: Any) -> None:
    assert "null" in await open_ward.refusal(open_ward.launch("nul", "/bin/echo", "a\0b"))
    assert "env" in await open_ward.refusal(open_ward.launch("env", "/bin/true", env={"A=B": ""}))


async def test_a_refused_start_leaves_no_group_and_no_descriptor(open_ward: Any) -> None:
    files = f"/proc/{open_ward.supervisor_pid}/fd"
    await open_ward.refusal(open_ward.launch("first", "/no/such"))
    before = len(os.listdir(files))
    for number in range(20):
        limits = {"memory_max_bytes": 1 << 26, "pids_max": 5} if number % 2 else {}
        await open_ward.refusal(open_ward.launch(f"run-{number}", "/no/such", **limits))
    assert len(os.listdir(files)) == before
