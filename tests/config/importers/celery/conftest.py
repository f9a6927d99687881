"""An application of Celery to write, and what the importer makes of its beat."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.config.importers.celery.beat import import_beat
from jobd.config.importers.celery.probe import place_of, probe
from jobd.config.importers.imported import Import

HEAD = """
from datetime import datetime, timedelta
from celery import Celery
from celery.schedules import BaseSchedule, crontab, schedule

print("noise of the application")
app = Celery("shop", broker="memory://")


@app.task
def add(x, y=2):
    print("sum", x + y)


@app.task(soft_time_limit=60, time_limit=90)
def fail():
    raise ValueError("no such order")

"""

Beat = Callable[..., Import]


@pytest.fixture
def import_app(tmp_path: Path) -> Beat:
    """Import an application by the rest of its module."""

    def run(rest: str, target: str = "shop:app") -> Import:
        (tmp_path / "shop.py").write_text(HEAD + rest, encoding="utf-8")
        place = place_of(target, sys.executable, tmp_path)
        return import_beat(probe(target, place), place, "Asia/Tokyo")

    return run


@pytest.fixture
def import_entry(import_app: Beat) -> Beat:
    """Import one entry by what stands in it beside the task."""

    def run(entry: str, rest: str = "", task: str = "shop.add") -> Import:
        return import_app(
            f"{rest}\napp.conf.beat_schedule = {{'e': {{'task': '{task}', {entry}}}}}"
        )

    return run
