"""Keys, metrics, outcomes and reasons: each is explained, and none that there is not."""

import ast
import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from jobd.config import schema
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from tests.deploy.rules import alerts
from tests.docs.pages import DOCS, PAGES, ROOT, read

ALERT = re.compile(r"\bJobd?(?:[A-Z][a-z]+){2,}\b")
METRIC = re.compile(r"\bjobd_[a-z_]+\b")


def tables() -> Iterator[type[BaseModel]]:
    for value in vars(schema).values():
        if isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel:
            yield value


def metric_names() -> set[str]:
    """Return the names of all metrics: the constants of the module that makes them."""
    return {
        node.value
        for path in (ROOT / "jobd/telemetry").glob("*.py")
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and METRIC.fullmatch(node.value)
    }


def test_every_configuration_key_is_documented() -> None:
    page = read(DOCS / "configuration.md")
    assert [
        f"{table.__name__}.{field.alias or name}"
        for table in tables()
        for name, field in table.model_fields.items()
        if not re.search(rf"\b{re.escape(field.alias or name)}\b", page)
    ] == []


def test_every_metric_is_documented() -> None:
    page = read(DOCS / "metrics.md")
    assert sorted(name for name in metric_names() if name not in page) == []


def test_every_alert_that_is_spoken_of_exists() -> None:
    known = {alert.name for alert in alerts()}
    pages = [page for page in PAGES if page.name != "CHANGELOG.md"]
    assert "JobHasNotSucceeded" in known & set(ALERT.findall(read(DOCS / "operating.md")))
    assert [
        f"{page.name}: {name}"
        for page in pages
        for name in sorted(set(ALERT.findall(read(page))) - known)
    ] == []


def test_every_documented_metric_exists() -> None:
    known = metric_names()
    assert known
    assert [
        f"{page.name}: {name}"
        for page in PAGES
        for name in sorted(set(METRIC.findall(read(page))))
        if not any(name.startswith(metric.removesuffix("_total")) for metric in known)
        and not any(metric.startswith(name) for metric in known)
    ] == []


@pytest.mark.parametrize("page", ["guarantees.md", "operating.md"])
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_explained(outcome: Outcome, page: str) -> None:
    assert f"`{outcome}`" in read(DOCS / page)


@pytest.mark.parametrize("reason", SkipReason)
def test_every_skip_reason_is_explained(reason: SkipReason) -> None:
    assert f"`{reason}`" in read(DOCS / "guarantees.md")
