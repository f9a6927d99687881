"""The file: made whole, upgraded in steps, and never trusted or touched if it is not ours."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobd.errors import StateError
from jobd.ports import Enrolment
from jobd.store import migrate
from jobd.store.sqlite import SqliteStore
from jobd.store.statements import Migration, migrations
from tests.store.conftest import START


async def open_once(database: Path, *, migrates: bool = True) -> None:
    """Open a store on the file and close it."""
    store = SqliteStore(database, node="app1", migrates=migrates)
    try:
        await store.open()
    finally:
        await store.close()


def pragma(database: Path, name: str):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def content(database: Path) -> bytes:
    return database.read_bytes()


def mode(database: Path) -> int:
    return database.stat().st_mode


async def used(database: Path, make_scene) -> None:
    """Leave a file with some history in it."""
    store = SqliteStore(database, node="app1")
    await store.open()
    scene = make_scene(store)
    await scene.enrol(*(f"job{n}" for n in range(300)))
    wishes = [scene.request(f"job{n}", 1) for n in range(300)]
    await store.claim(wishes, "app1", scene.at(1))
    await store.close()


def garbage(database: Path) -> None:
    database.write_bytes(b"\xde\xad\xbe\xef" * 5000)


def emptiness(database: Path) -> None:
    database.write_bytes(b"")


def cut_off(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:-10_000])


def cut_short(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:50])


def bad_page(database: Path) -> None:
    overwrite_root(database, "run")


def overwrite_root(database: Path, table: str) -> None:
    """Overwrite the first page of a table, as a bad sector would."""
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        (page,) = connection.execute(query, (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def test_a_new_file_is_recognisably_ours(database: Path) -> None:
    await open_once(database)
    assert pragma(database, "application_id") == migrate.APPLICATION_ID
    assert pragma(database, "user_version") == migrate.KNOWN_VERSION
    assert pragma(database, "journal_mode") == "wal"


async def test_a_restored_copy_gets_its_write_ahead_log_back(database: Path) -> None:
    """Without it every question would hold up the claims."""
    await open_once(database)
    assert pragma(database, "journal_mode = DELETE") == "delete"
    await open_once(database)
    assert pragma(database, "journal_mode") == "wal"


async def test_the_file_is_for_its_owner_only(database: Path) -> None:
    """It holds what operators passed as parameters."""
    await open_once(database)
    assert mode(database) & 0o077 == 0


@pytest.mark.parametrize("harm", [garbage, emptiness, cut_off, cut_short, bad_page])
async def test_a_damaged_file_is_refused_and_left_as_it_is(
    database: Path, make_scene, harm: Callable[[Path], None]
) -> None:
    await used(database, make_scene)
    harm(database)
    before = content(database)
    with pytest.raises(StateError, match=rf"{database} is damaged \(.+\); move .+ away"):
        await open_once(database)
    assert content(database) == before


async def test_another_application_s_file_is_refused_and_left_as_it_is(database: Path) -> None:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE cookies (name)")
    before = content(database)
    with pytest.raises(StateError, match=r"is a database of another application .+ move it away"):
        await open_once(database)
    assert content(database) == before


async def test_a_newer_file_is_refused_and_left_as_it_is(database: Path) -> None:
    await open_once(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = content(database)
    with pytest.raises(StateError, match=r"newer jobd \(tables of version 99.+ install the newer"):
        await open_once(database)
    assert content(database) == before


async def test_a_guest_reads_and_changes_nothing(database: Path, make_scene) -> None:
    """Whoever only looks must not be able to do harm, or to upgrade under a running daemon."""
    await used(database, make_scene)
    before = content(database)
    with closing(migrate.connect_as_guest(database)) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (300,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM run")
    assert content(database) == before


async def test_a_guest_is_told_to_upgrade_an_older_file(database: Path) -> None:
    await open_once(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StateError, match=r"tables of version 1, .+ run `jobd migrate` first"):
        migrate.connect_as_guest(database)
    assert pragma(database, "user_version") == 1


async def test_damage_that_is_met_later_is_explained(
    database: Path, make_scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is not read whole at the opening."""
    monkeypatch.setattr(migrate, "_CHECKED_WHOLE_BYTES", 0)
    await used(database, make_scene)
    overwrite_root(database, "tick_identity")
    store = SqliteStore(database, node="app1")
    await store.open()
    scene = make_scene(store)
    with pytest.raises(StateError, match="is damaged"):
        await store.ticks("job0")
    with pytest.raises(StateError, match="is damaged"):
        await scene.claim("job0", 1, run_id="another")
    await store.close()


async def test_jobs_of_a_large_file_are_checked_at_the_opening(
    database: Path, make_scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_CHECKED_WHOLE_BYTES", 0)
    await used(database, make_scene)
    overwrite_root(database, "job")
    with pytest.raises(StateError, match="is damaged"):
        await open_once(database)


def two_steps(monkeypatch: pytest.MonkeyPatch, second: str) -> None:
    steps = (*migrations("sqlite"), Migration(migrate.KNOWN_VERSION + 1, second))
    monkeypatch.setattr(migrate, "migrations", lambda _: steps)
    monkeypatch.setattr(migrate, "KNOWN_VERSION", len(steps))


async def test_an_older_file_is_upgraded_with_what_it_holds(
    database: Path, make_scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await used(database, make_scene)
    two_steps(monkeypatch, "ALTER TABLE job ADD COLUMN flavour TEXT;")
    await open_once(database)
    assert pragma(database, "user_version") == migrate.KNOWN_VERSION
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(flavour), count(*) FROM job").fetchone() == (0, 300)


async def test_a_file_of_the_first_version_is_brought_up_to_date(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was usual of attempts is taken for what is of runs, until the next one ends."""
    database.parent.mkdir()
    monkeypatch.setattr(migrate, "migrations", lambda _: migrations("sqlite")[:1])
    migrate.prepare(database)
    monkeypatch.undo()
    columns = "name, schedule, is_on_roll, settled_until, forgotten, token, smoothed_duration_s"
    with closing(migrate.connect(database)) as connection:
        connection.execute(
            f"INSERT INTO job ({columns}) VALUES ('backup', 'A', 1, 0, '[]', 1, 30.5)"
        )
    store = SqliteStore(database, node="app1")
    await store.open()
    (memory,) = (await store.enrol([Enrolment("backup", "A")], START)).values()
    await store.close()
    assert (memory.expected_memory_bytes, memory.smoothed_lasted_s) == (None, 30.5)


async def test_an_upgrade_that_fails_leaves_the_older_file_whole(
    database: Path, make_scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await used(database, make_scene)
    version = pragma(database, "user_version")
    two_steps(monkeypatch, "ALTER TABLE job ADD COLUMN flavour TEXT; SELECT nonsense;")
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        await open_once(database)
    monkeypatch.undo()
    assert pragma(database, "user_version") == version
    await open_once(database)


async def test_an_older_file_that_may_not_be_upgraded_is_refused_and_left_as_it_is(
    database: Path, make_scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await used(database, make_scene)
    before = content(database)
    older = migrate.KNOWN_VERSION
    two_steps(monkeypatch, "ALTER TABLE job ADD COLUMN flavour TEXT;")
    words = rf"tables of version {older}, .+ needs {older + 1}, .+ `jobd migrate`"
    with pytest.raises(StateError, match=words):
        await open_once(database, migrates=False)
    assert content(database) == before


async def test_a_missing_file_that_may_not_be_made_is_an_error_and_stays_missing(
    database: Path,
) -> None:
    """An empty history made by mistake would start every job's catch-up anew."""
    with pytest.raises(StateError, match=rf"{database} does not exist, .+ run `jobd migrate`"):
        await open_once(database, migrates=False)
    assert [path.name for path in database.parent.iterdir()] == ["lock"]


async def test_a_current_file_needs_no_right_to_upgrade(database: Path, make_scene) -> None:
    await used(database, make_scene)
    await open_once(database, migrates=False)


async def test_a_file_that_a_dead_daemon_had_begun_is_made_anew(database: Path) -> None:
    database.parent.mkdir()
    for name in ("jobd.db.new", "jobd.db.new-journal"):
        (database.parent / name).write_bytes(b"half")
    await open_once(database)
    assert {path.name for path in database.parent.iterdir()} == {
        *("jobd.db", "jobd.db-reserve", "lock")
    }


async def test_the_log_of_a_file_that_was_moved_away_is_not_replayed(database: Path) -> None:
    database.parent.mkdir()
    log = database.with_name("jobd.db-wal")
    log.write_bytes(b"recent history")
    with pytest.raises(StateError, match=rf"{log} belongs to a jobd.db that is gone; move it"):
        await open_once(database)
    assert content(log) == b"recent history"


async def test_history_from_before_a_restart_is_there(database: Path, make_scene) -> None:
    await used(database, make_scene)
    await used_again(database, make_scene)


async def used_again(database: Path, make_scene) -> None:
    store = SqliteStore(database, node="app1")
    await store.open()
    memories = await make_scene(store).enrol(*(f"job{n}" for n in range(300)))
    await store.close()
    assert all(memory.token == 1 and len(memory.active) == 1 for memory in memories.values())
