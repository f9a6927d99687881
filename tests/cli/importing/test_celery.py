"""``jobd import celery``: the application is imported by its own interpreter, not by jobd's."""

import sys
import tomllib
from pathlib import Path

import pytest

from jobd.cli.main import main

APP = """
print("noise")
from celery import Celery
from celery.schedules import crontab
app = Celery("shop", broker="memory://")

@app.task(name="mail")
def mail():
    pass

app.conf.beat_schedule = {"mail": {"task": "mail", "schedule": crontab(minute="*/15")}}
"""


def test_an_application_becomes_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    with pytest.raises(SystemExit) as left:
        main(["import", "celery", "--python", sys.executable, "--path", str(tmp_path), "shop:app"])
    out, err = capsys.readouterr()
    assert left.value.code == 0
    assert err.startswith("shop: as whom its workers run stands nowhere")
    assert err.endswith("\n1 job imported, 1 thing to look at\n")
    job = tomllib.loads(out)["jobs"]["mail"]
    assert (job["schedule"], job["cwd"]) == ("*/15 * * * *", str(tmp_path.resolve()))
    assert "shop" not in sys.modules


def test_what_cannot_be_imported_is_65(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["import", "celery", "--python", sys.executable, "--path", str(tmp_path), "shop"])
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (65, "")
    assert "No module named 'shop'; name its folder with --path" in err
