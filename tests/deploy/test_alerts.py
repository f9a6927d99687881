"""Alerts: each fires when it should and not else, says what to do, and is explained."""

import re
import shlex
import subprocess
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from jobd.cli import main as cli
from tests.deploy.rules import FOLDER, RULES, TESTS, Alert, alerts

ALERTS = alerts()
OF_JOBS = [alert for alert in ALERTS if alert.name.startswith("Job") and alert.name[3] != "d"]
OF_NODES = [alert for alert in ALERTS if alert not in OF_JOBS]
PAGE = (FOLDER.parent.parent / "docs" / "operating.md").read_text(encoding="utf-8")
CASES = "".join(path.read_text(encoding="utf-8") for path in TESTS)

each = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def promtool(path: str, *words: str) -> str:
    """Return what promtool has to say against files of this folder, "" for nothing."""
    done = subprocess.run([path, *words], cwd=FOLDER, capture_output=True, text=True,
                          timeout=30, check=False)  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def tool(needs_tool: Callable[[str, str], str]) -> str:
    return needs_tool("promtool", "prometheus")


def test_there_are_alerts() -> None:
    """What takes the file apart must see what promtool sees."""
    assert len(ALERTS) == RULES.read_text(encoding="utf-8").count("- alert:") == 18
    assert {alert.severity for alert in ALERTS} == {"critical", "warning", "info"}


def test_the_rules_are_valid(tool: str) -> None:
    assert promtool(tool, "check", "rules", RULES.name) == ""


def test_the_scrape_configuration_is_valid(tool: str) -> None:
    assert promtool(tool, "check", "config", "prometheus.yml") == ""


def test_the_alerts_fire_when_they_should_and_not_else(tool: str) -> None:
    assert promtool(tool, "test", "rules", *(str(path) for path in TESTS)) == ""


@each
def test_a_test_tells_when_it_fires(alert: Alert) -> None:
    """The names of what must fire stand in the tests in full; promtool compares them all."""
    assert re.search(rf'ALERTS{{alertname="{alert.name}",alertstate="firing",severity=', CASES)


@pytest.mark.parametrize("alert", OF_JOBS, ids=lambda alert: alert.name)
def test_a_job_s_alert_names_it_and_leads_to_its_runbook(alert: Alert) -> None:
    assert "$labels.job_name" in alert.annotation("summary")
    assert "with $labels.runbook" in alert.annotation("runbook_url")
    assert "owner, runbook" in alert.text


@pytest.mark.parametrize("alert", OF_NODES, ids=lambda alert: alert.name)
def test_a_node_s_alert_names_it(alert: Alert) -> None:
    assert "$labels.instance" in alert.annotation("summary")


@each
def test_it_is_explained_where_its_link_leads(alert: Alert) -> None:
    """At three in the morning a link must not lead to the top of a long page."""
    heads = [head.lower() for head in re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)]
    assert alert.name.lower() in heads
    assert f"operating.md#{alert.name.lower()}" in alert.annotation("runbook_url")


@each
def test_its_commands_are_ones_that_jobd_takes(alert: Alert) -> None:
    root = next(value for value in vars(cli).values() if isinstance(value, click.Group))
    lines = re.sub(r"{{.*?}}", "NAME", alert.annotation("description")).splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    assert words
    answers = [CliRunner().invoke(root, [*w[1:], "--help"]) for w in words if w and w[0] == "jobd"]
    assert [answer.output for answer in answers if answer.exit_code] == []


def test_the_page_explains_no_alert_that_is_gone() -> None:
    section = PAGE.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", section, re.MULTILINE) == [alert.name for alert in ALERTS]


def test_one_node_s_trouble_hides_no_alert_about_a_job() -> None:
    """One node without its store would hide that a job is broken on all the others."""
    text = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
    rules = text.partition("inhibit_rules:")[2].partition("receivers:")[0].split("  - ")[1:]
    assert len(rules) == 5
    for rule in rules:
        source, target = re.findall(r'alertname=~?"([^"]+)"', rule)
        if any(re.fullmatch(source, node.name) for node in OF_NODES):
            assert [job.name for job in OF_JOBS if re.fullmatch(target, job.name)] == []
            assert "equal: [instance]" in rule


def test_a_job_of_each_node_is_hidden_by_that_node_s_alert_alone() -> None:
    """Stuck on one node, it may well outlast its interval on another one."""
    text = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
    rules = re.findall(r'source_matchers: \[alertname="(Job[^d]\w+)"\].*\n.*\n\s+equal: (.*)', text)
    assert rules
    assert {equal for _, equal in rules} == {"[cluster, job_name, node]"}
    told = {alert.name: alert.text for alert in OF_JOBS}
    assert [source for source, _ in rules if "node, owner, runbook" not in told[source]] == []


def test_alertmanager_is_told_of_alerts_that_there_are() -> None:
    """A misspelt name inhibits nothing, and nothing says so."""
    text = (FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
    patterns = re.findall(r'alertname=~?"([^"]+)"', text)
    names = [alert.name for alert in ALERTS]
    assert patterns
    assert [
        part
        for pattern in patterns
        for part in pattern.split("|")
        if not any(re.fullmatch(part, name) for name in names)
    ] == []
