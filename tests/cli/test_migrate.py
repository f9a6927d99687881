"""``jobd migrate``: makes the store ready without a daemon."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.cli.main import main
from jobd.store.lock import StateLock

Migrate = Callable[..., tuple[object, str, str]]


@pytest.fixture
def migrate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Migrate:
    """Migrate a state directory of the test's own: exit status, stdout, stderr."""
    path = tmp_path / "jobd.toml"

    def run(head: str = 'state_dir = "state"') -> tuple[object, str, str]:
        path.write_text(f"[daemon]\n{head}\n")
        with pytest.raises(SystemExit) as left:
            main(["migrate", "-c", str(path)])
        return (left.value.code, *capsys.readouterr())

    return run


def test_it_makes_the_store(migrate: Migrate, tmp_path: Path) -> None:
    database = tmp_path / "state/jobd.db"
    assert migrate() == (0, f"{database} is up to date\n", "")
    assert database.stat().st_size > 0


def test_it_may_be_repeated(migrate: Migrate) -> None:
    assert migrate() == migrate()


def test_a_running_daemon_is_named_and_left_alone(migrate: Migrate, tmp_path: Path) -> None:
    lock = StateLock(tmp_path / "state", "app0")
    lock.take()
    try:
        status, out, err = migrate()
    finally:
        lock.release()
    said = f"jobd: state directory {tmp_path}/state is held by jobd on app0"
    assert (status, out, err.startswith(said)) == (69, "", True)


def test_a_damaged_store_stays_as_it_is(migrate: Migrate, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    database = tmp_path / "state/jobd.db"
    database.write_bytes(b"garbage " * 1000)
    status, _, err = migrate()
    assert (status, err.startswith(f"jobd: {database} is")) == (69, True)
    assert database.read_bytes() == b"garbage " * 1000


def test_a_server_that_does_not_answer_is_named_once(migrate: Migrate, tmp_path: Path) -> None:
    """A daemon would go on trying; the command does not, and does not say so."""
    store = '[store]\nurl = "postgresql://127.0.0.1:1/jobd"\n'
    status, out, err = migrate(f'state_dir = "state"\n{store}')
    assert (status, out) == (69, "")
    assert err.startswith("jobd: PostgreSQL at 127.0.0.1:1/jobd: ")
    assert "trying again" not in err
    assert not (tmp_path / "state").exists()


def test_a_bad_configuration_is_78(migrate: Migrate, tmp_path: Path) -> None:
    status, out, err = migrate('state_dri = "state"')
    assert (status, out) == (78, "")
    assert err.startswith(f"{tmp_path}/jobd.toml:2: daemon.state_dri: ")
