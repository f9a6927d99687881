"""Dashboards: the JSON is what its source says, and Grafana can lay it out."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from deploy.grafana.__main__ import DASHBOARDS, FOLDER, path_of, text_of
from deploy.grafana.dashboard import COLUMNS

each = pytest.mark.parametrize(
    "dashboard", [one.json() for one in DASHBOARDS], ids=lambda one: str(one["uid"])
)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_the_json_is_what_its_source_says(dashboard: Any) -> None:
    """After a change: python -m deploy.grafana."""
    assert path_of(dashboard).read_text(encoding="utf-8") == text_of(dashboard)


def test_no_json_is_left_of_a_dashboard_that_is_gone() -> None:
    assert set(FOLDER.glob("*")) == {path_of(one) for one in DASHBOARDS}


def _places(panel: Any) -> set[tuple[int, int]]:
    at = panel["gridPos"]
    columns = range(at["x"], at["x"] + at["w"])
    return {(x, y) for x in columns for y in range(at["y"], at["y"] + at["h"])}


@each
def test_no_two_panels_are_in_one_place(dashboard: Any) -> None:
    pairs = combinations(dashboard["panels"], 2)
    assert [(a["title"], b["title"]) for a, b in pairs if _places(a) & _places(b)] == []


@each
def test_every_panel_is_on_the_page(dashboard: Any) -> None:
    rights = [one["gridPos"]["x"] + one["gridPos"]["w"] for one in dashboard["panels"]]
    assert max(rights) <= COLUMNS


@each
def test_panels_and_their_queries_have_ids_of_their_own(dashboard: Any) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert sorted(set(ids)) == ids
    for panel in dashboard["panels"]:
        letters = [target["refId"] for target in panel["targets"]]
        assert sorted(set(letters)) == letters != []


@each
def test_everything_is_asked_of_the_chosen_source(dashboard: Any) -> None:
    """A uid of somebody's own Grafana is the classical fault of a dashboard that is shared."""
    uids = re.findall(r'"uid": "([^"]+)"', json.dumps(dashboard["panels"]))
    assert set(uids) == {"${datasource}"}


@each
def test_every_variable_in_a_query_is_one_that_there_is(dashboard: Any) -> None:
    there = {one["name"] for one in dashboard["templating"]["list"]} | {"__rate_interval"}
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert set(re.findall(r"\$(\w+)", " ".join(queries))) <= there


@each
def test_every_panel_says_what_it_shows_and_in_which_unit(dashboard: Any) -> None:
    silent = [
        panel["title"]
        for panel in dashboard["panels"]
        if not (panel["description"] and panel["fieldConfig"]["defaults"]["unit"])
    ]
    assert silent == []


def test_a_job_leads_to_its_dashboard_and_to_jobd_s_own_page() -> None:
    overview = DASHBOARDS[0].json()
    links = [
        one for panel in overview["panels"] for one in panel["fieldConfig"]["defaults"]["links"]
    ]
    urls = {link["url"].partition("?")[0] for link in links}
    assert "/d/jobd-job" in urls
    assert "${pages:raw}/jobs/${__field.labels.job_name}" in urls
