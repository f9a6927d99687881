"""The store's URL and password from outside the files, and that nobody is shown them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from jobd.cli.check import check
from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.problem import ConfigErrors

Load = Callable[[str], Config]
Write = Callable[..., Path]

IN_FILE = '[store]\nurl = "postgresql://jobd@db/jobd"\n'
SECRET = "hunter2"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that systemd would fill, empty."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def refusal(write: Write, text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load(write(text))
    return str(caught.value)


def test_the_environment_s_url_comes_before_all_others(
    loaded: Load, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBD_STORE_URL", "postgresql://env/d")
    (credentials / "store-url").write_text("postgresql://credential/d")
    assert loaded(IN_FILE).store.url == "postgresql://env/d"


def test_a_credential_s_url_comes_before_the_file_s(loaded: Load, credentials: Path) -> None:
    (credentials / "store-url").write_text("postgresql://u:p@credential/d\n")
    assert loaded(IN_FILE).store.url == "postgresql://u:p@credential/d"


def test_an_empty_variable_and_no_credential_leave_the_file_s(
    loaded: Load, credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBD_STORE_URL", "")
    assert loaded(IN_FILE).store.url == "postgresql://jobd@db/jobd"


@pytest.mark.parametrize("variable", ["", "postgresql://jobd:old@db/jobd"])
def test_a_credential_s_password_is_that_of_whichever_url_holds(
    loaded: Load, credentials: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("JOBD_STORE_URL", variable)
    (credentials / "store-password").write_text("a@b/c\n")
    assert loaded(IN_FILE).store.url == "postgresql://jobd:a%40b%2Fc@db/jobd"


def test_a_password_has_no_place_in_sqlite(loaded: Load, credentials: Path) -> None:
    (credentials / "store-password").write_text(SECRET)
    assert loaded("").store.url == "sqlite"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("store-url", b"postgresql://u:hunter2@h:x/d", "has no valid port; write a port"),
        ("store-url", b"", 'is no store; write "sqlite", or'),
        ("store-url", b"\xff", "is no UTF-8 text; write it anew"),
        ("store-password", b"\n", "is empty; write the password into it, or remove it"),
        ("store-password", b"hunter2\nhunter2", "is more than one line of text; write the"),
    ],
)
def test_a_bad_credential_is_told_with_its_file(
    write: Write, credentials: Path, name: str, content: bytes, complaint: str
) -> None:
    (credentials / name).write_bytes(content)
    said = refusal(write, IN_FILE)
    assert said.startswith(f"{credentials / name}: {complaint}")
    assert SECRET not in said


def test_a_credential_that_cannot_be_read_is_told(write: Write, credentials: Path) -> None:
    (credentials / "store-password").mkdir()
    assert "store-password: cannot be read: Is a directory; make it" in refusal(write, IN_FILE)


def test_a_bad_variable_is_told_by_its_name(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBD_STORE_URL", f"postgresql://u:{SECRET}@h/d/e")
    said = refusal(write, "")
    assert said.startswith("$JOBD_STORE_URL: holds a character that must be escaped")
    assert SECRET not in said


def test_the_url_that_holds_makes_the_default_of_scope(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBD_STORE_URL", "postgresql://env/d")
    assert str(loaded('[jobs.a]\ncommand = "x"').jobs["a"].scope) == "cluster"


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o640, False)])
def test_a_password_in_a_file_that_everybody_reads_is_told(
    write: Write, mode: int, is_told: bool
) -> None:
    path = write(f'[store]\nurl = "postgresql://jobd:{SECRET}@db/jobd"')
    path.chmod(mode)
    told = [
        f"{path}:2: store.url: holds a password, and everybody on this machine can read the file; "
        "chmod o-r it, or hand the password over as a credential: see docs/configuration.md"
    ]
    said = [str(warning) for warning in load(path).warnings]
    assert said == (told if is_told else [])


def test_no_representation_of_a_configuration_shows_the_password(loaded: Load) -> None:
    """A traceback, a log line or a failed assertion may print any of these."""
    config = loaded(f'[store]\nurl = "postgresql://jobd:{SECRET}@db/jobd"')
    assert SECRET not in repr(config) + repr(config.store) + str(config.store)
    assert config.store.shown_url == "postgresql://jobd:***@db/jobd"
    assert SECRET in config.store.url, "and the driver gets it"


@pytest.mark.parametrize("mistake", ["", "\n[jobs.a]\ntimeout = 3", "\nurl = 3"])
def test_check_never_shows_the_password(write: Write, mistake: str) -> None:
    path = write(f'[store]\nurl = "postgresql://jobd:{SECRET}@db/jobd"{mistake}')
    answer = CliRunner().invoke(check, ["-c", str(path)], standalone_mode=False)
    assert SECRET not in answer.output
    assert answer.exception is None
