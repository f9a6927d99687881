"""The state directory: one daemon holds it, and who cannot have it is told what to do."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jobd.errors import StateError
from jobd.store.lock import StateLock
from jobd.store.sqlite import SqliteStore

HOLD = """
import sys
from pathlib import Path
from jobd.store.lock import StateLock
lock = StateLock(Path(sys.argv[1]), "app7")
lock.take()
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_daemon_is_told_who_holds_the_directory(database: Path) -> None:
    first, second = SqliteStore(database, node="app1"), SqliteStore(database, node="app2")
    await first.open()
    with pytest.raises(StateError) as refused:
        await second.open()
    await first.close()
    assert re.fullmatch(
        rf"state directory {database.parent} is held by jobd on app1, pid {os.getpid()}, since "
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ; stop it or give this one its own daemon\.state_dir",
        str(refused.value),
    )


async def test_a_refused_daemon_does_not_disturb_the_first(sqlite_scene, database: Path) -> None:
    with pytest.raises(StateError):
        await SqliteStore(database, node="app2").open()
    await sqlite_scene.enrol("backup")
    assert (await sqlite_scene.claim("backup", 1)).token == 1


async def test_the_directory_is_free_after_a_close(database: Path) -> None:
    for node in ("app1", "app2"):
        store = SqliteStore(database, node=node)
        await store.open()
        await store.close()


async def test_the_directory_is_free_after_an_opening_that_failed(database: Path) -> None:
    spoil(database)
    with pytest.raises(StateError, match="is damaged"):
        await SqliteStore(database, node="app1").open()
    with pytest.raises(StateError, match="is damaged"):  # and not: held
        await SqliteStore(database, node="app1").open()


def spoil(database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"no database")


def test_the_directory_is_free_when_its_holder_was_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        mine = StateLock(tmp_path, "app1")
        with pytest.raises(StateError, match=f"held by jobd on app7, pid {holder.pid}, since"):
            mine.take()
        holder.send_signal(signal.SIGKILL)
    mine.take()
    mine.release()


def test_a_holder_that_could_not_write_its_name_is_respected(tmp_path: Path) -> None:
    first, second = StateLock(tmp_path, "app1"), StateLock(tmp_path, "app2")
    first.take()
    (tmp_path / "lock").write_bytes(b"")
    with pytest.raises(StateError, match="is held by another jobd; stop it"):
        second.take()
    first.release()


def test_a_missing_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    state_dir = tmp_path / "var" / "lib" / "jobd"
    lock = StateLock(state_dir, "app1")
    lock.take()
    lock.release()
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_its_place_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"is no directory; give daemon\.state_dir"):
        StateLock(tmp_path / "file" / below, "app1").take()


def test_a_directory_that_cannot_be_written_to_is_refused() -> None:
    """/proc/self refuses new files even to root, as a read-only file system does."""
    with pytest.raises(StateError, match=r"cannot be used \(.+\); give daemon\.state_dir"):
        StateLock(Path("/proc/self"), "app1").take()


def test_a_lock_is_released_twice_without_harm(tmp_path: Path) -> None:
    lock = StateLock(tmp_path, "app1")
    lock.take()
    lock.release()
    lock.release()


def test_a_directory_that_anyone_may_write_to_is_refused(tmp_path: Path) -> None:
    """Anyone could put a socket of his own in the supervisor's place."""
    tmp_path.chmod(0o1777)
    with pytest.raises(StateError, match="may be written by anyone; chmod o-w it"):
        StateLock(tmp_path, "app1").take()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give things away")
@pytest.mark.parametrize("by_link", [False, True])
def test_a_directory_that_somebody_else_has_made_is_refused(tmp_path: Path, by_link: bool) -> None:
    """Whoever is there first in a folder of everybody's would own all that root keeps."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    state_dir = tmp_path / "link" if by_link else theirs
    if by_link:
        state_dir.symlink_to(theirs)
    with pytest.raises(StateError, match="belongs to user 65534; chown it"):
        StateLock(state_dir, "app1").take()
    assert list(theirs.iterdir()) == []
