"""Dashboards and alerts on a real Prometheus that has scraped daemons to which much happened."""

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import MakeNode
from tests.system.node import Node
from tests.system.processes import eventually
from tests.system.prometheus import Prometheus

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus" / "jobd.rules.yml"
SHORT = 'schedule = "* * * * * *"\nmemory_max = "64M"\n'
# Of a job that is well: three ticks in a row behind a slow run would be an alert for an hour.
UNHURRIED = 'schedule = "*/4 * * * * *"\nmemory_max = "64M"\n'

# One of each thing that a panel can show.
TROUBLED = f"""
[limits]
max_running = 32
[pools.database]
size = 1
[jobs.works]
command = "work 0"
pool = "database"
{UNHURRIED}
[jobs.fails]
command = "work 0 1"
owner = "team-orders"
runbook = "https://wiki.example.com/fails"
on_failure = "false"
{SHORT}
[jobs.lags]
command = "work 6"
{SHORT}
[jobs.times-out]
command = "sleep 60"
timeout = "1s"
kill_after = "1s"
{SHORT}
[jobs.takes-memory]
command = ["/bin/sh", "-c", "x=$(head -c 200M /dev/zero | tr '\\\\0' x)"]
{SHORT}
[jobs.has-steps]
command = ["/bin/sh", "-c", "echo begin load; echo done"]
steps = {{ start = "^begin (?P<step>.+)", end = "^done" }}
{UNHURRIED}
[jobs.paused]
command = "work 0"
{SHORT}
"""
FULL = f"""
[limits]
max_running = 1
[jobs.holds]
command = "work forever"
[jobs.waits]
command = "work 0"
[jobs.is-skipped]
command = "work 0"
{SHORT}
"""


def _panels() -> Iterator[Any]:
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                name = f"{path.stem}: {panel['title']} {target['refId']}"
                yield pytest.param(target["expr"], id=name)


def _variables() -> Iterator[Any]:
    for path in DASHBOARDS:
        for variable in json.loads(path.read_text(encoding="utf-8"))["templating"]["list"]:
            if variable["type"] == "query":
                yield pytest.param(
                    variable["query"]["query"], id=f"{path.stem}: {variable['name']}"
                )


@pytest.fixture(scope="module")
def nodes(make_shared_node: MakeNode) -> list[Node]:
    """One node whose jobs are in all kinds of trouble, and one that is full."""
    troubled = make_shared_node(TROUBLED, http="127.0.0.1:0").start()
    full = make_shared_node(FULL, http="127.0.0.1:0").start()
    assert troubled.ctl("pause", "paused").returncode == 0
    full.trigger("holds")
    eventually(lambda: full.journal.starts("holds"), "the only place is taken")
    assert full.ctl("trigger", "waits").returncode == 0
    return [troubled, full]


@pytest.fixture(scope="module")
def prometheus(
    nodes: list[Node], needs_tool: Callable[[str, str], str], tmp_path_factory: Any
) -> Iterator[Prometheus]:
    """A server that has seen some of everything."""
    targets = [node.log("listening")[-1]["http"].removeprefix("http://") for node in nodes]
    folder = tmp_path_factory.mktemp("prometheus")
    with Prometheus(needs_tool("prometheus", "prometheus"), folder, RULES, targets) as server:
        for outcome in ("success", "failure", "timeout", "oom"):
            expr = f'increase(jobd_runs_total{{outcome="{outcome}"}}[1m]) > 0'
            eventually(lambda expr=expr: server.query(expr), f"seen: {outcome}", 30)
        yield server


def _fill_in(expr: str) -> Iterator[str]:
    """Yield the expression as Grafana sends it, once for each job if it is about one."""
    expr = expr.replace("$__rate_interval", "10s").replace("$cluster", ".*")
    expr = expr.replace("$node", ".*")  # "All" in both
    for name in ("works", "fails", "times-out", "has-steps", "lags") if "$job" in expr else ("",):
        yield expr.replace("$job", name)


def _has_data(server: Prometheus, expr: str) -> bool:
    found = (server.query(filled) for filled in _fill_in(expr))
    return any(not math.isnan(float(one["value"][1])) for samples in found for one in samples)


@pytest.mark.parametrize("expr", list(_panels()))
def test_every_panel_shows_something(prometheus: Prometheus, expr: str) -> None:
    eventually(lambda: _has_data(prometheus, expr), f"data of {expr}")


@pytest.mark.parametrize("query", list(_variables()))
def test_every_choice_has_something_to_choose(prometheus: Prometheus, query: str) -> None:
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    assert match, query
    (series,) = _fill_in(match[1])
    assert prometheus.label_values(match[2], series)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_alerts_are_marked_on_the_graphs(prometheus: Prometheus, path: Path) -> None:
    """Those of nodes would fire in minutes: that they are about to is enough here."""
    (alerts,) = json.loads(path.read_text(encoding="utf-8"))["annotations"]["list"]
    expr = alerts["expr"].replace('alertstate="firing"', 'alertstate=~"pending|firing"')
    eventually(lambda: _has_data(prometheus, expr), f"data of {expr}")


@pytest.mark.parametrize(
    ("alert", "job"),
    [
        ("JobFails", "fails"),
        ("JobFails", "times-out"),
        ("JobFails", "takes-memory"),
        ("JobOutlastsItsInterval", "lags"),
        ("JobSkipsTicks", "is-skipped"),
        ("JobHookFails", "fails"),
    ],
)
def test_what_ails_a_job_is_an_alert(prometheus: Prometheus, alert: str, job: str) -> None:
    """The tests of the rules say what fires on which series; here the daemon makes the series.
    One is meant to wait for minutes: that it is about to fire is enough."""
    expr = f'ALERTS{{alertname="{alert}", job_name="{job}", alertstate=~"pending|firing"}}'
    (found,) = eventually(lambda: prometheus.query(expr), expr)
    assert found["metric"]["cluster"] == "shop"
    assert found["metric"]["node"].startswith("127.0.0.1:"), "each node runs these for itself"


def test_an_alert_has_the_job_s_owner_and_runbook(prometheus: Prometheus) -> None:
    expr = 'ALERTS{alertname="JobFails", job_name="fails"}'
    (found,) = eventually(lambda: prometheus.query(expr), expr)
    assert found["metric"]["owner"] == "team-orders"
    assert found["metric"]["runbook"] == "https://wiki.example.com/fails"


def test_a_node_that_lets_nothing_start_is_about_to_be_an_alert(prometheus: Prometheus) -> None:
    expr = 'ALERTS{alertname="JobdHoldsJobsBack"}'
    (found,) = eventually(lambda: prometheus.query(expr), expr)
    assert found["metric"]["reason"] == "max_running"


@pytest.mark.parametrize("job", ["works", "has-steps", "paused", "holds", "waits"])
def test_a_job_that_is_well_or_paused_or_by_hand_is_no_alert(
    prometheus: Prometheus, job: str
) -> None:
    eventually(lambda: prometheus.query('ALERTS{alertstate="firing"}'), "rules are evaluated")
    assert prometheus.query(f'ALERTS{{job_name="{job}"}}') == []


def test_an_exemplar_leads_to_a_run_of_the_job(prometheus: Prometheus, nodes: list[Node]) -> None:
    """From the point on the graph to what just that run said."""
    expr = 'jobd_run_duration_seconds_bucket{job_name="works"}'
    now_s = time.time()
    series = eventually(lambda: prometheus.exemplars(expr, now_s - 300, now_s + 60), "exemplars")
    run_id = series[0]["exemplars"][0]["labels"]["run_id"]
    assert nodes[0].run(run_id)["job"] == "works"


def test_scrapes_leave_nothing_to_complain_of(prometheus: Prometheus) -> None:
    """A line that Prometheus cannot read costs the whole page, each time: a page that came too
    late does not."""

    def found() -> list[tuple[str, str]]:
        return [(one["health"], one["lastError"]) for one in prometheus.targets()]

    eventually(lambda: found() == [("up", "")] * 2, found)
