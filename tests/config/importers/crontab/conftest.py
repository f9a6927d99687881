"""Crontabs in one line."""

from collections.abc import Callable

import pytest

from jobd.config.importers.crontab.importer import Settings, import_crontabs
from jobd.config.importers.crontab.text import CrontabFile, Kind
from jobd.config.importers.imported import Import

Importer = Callable[..., Import]


@pytest.fixture
def importer() -> Importer:
    """Import the text of a user's crontab, or of the kind that is said; in Europe/Berlin."""

    def run(text: str, kind: Kind = Kind.USER, user: str | None = "joe") -> Import:
        settings = Settings("Europe/Berlin")
        return import_crontabs([CrontabFile("crontab", text, kind, user)], settings)

    return run
