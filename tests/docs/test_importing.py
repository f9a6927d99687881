"""What docs/importing.md says to type is typed, with units and an application of the tests' own."""

import shlex
import sys
from pathlib import Path

import pytest

from jobd.cli.main import main
from tests.docs.pages import DOCS, blocks

UNITS = DOCS.parent / "tests/config/importers/systemd/debian"
APP = """
from celery import Celery
app = Celery("shop", broker="memory://")
app.conf.beat_schedule = {"refresh": {"task": "shop.celery.refresh", "schedule": 300}}

@app.task
def refresh():
    pass
"""


def command_lines() -> list[list[str]]:
    lines = [text for page, text in blocks("console") if page == "importing.md"]
    return [shlex.split(line)[2:] for text in lines for line in text.splitlines()]


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_what_the_page_says_to_type_works(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/celery.py").write_text(APP)
    places = {
        "/etc/systemd/system": UNITS,
        "/lib/systemd/system": UNITS,
        "/etc/jobd/jobs.d": tmp_path,
        "/srv/shop/venv/bin/python": sys.executable,
        "/srv/shop": tmp_path,
    }
    for place, own in places.items():
        words = [word.replace(place, str(own)) for word in words]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    assert " imported, " in capsys.readouterr().err.splitlines()[-1]


def test_the_page_has_commands() -> None:
    """Else the test above would have nothing to do, and pass."""
    assert {words[1] for words in command_lines()} == {"systemd", "celery"}
