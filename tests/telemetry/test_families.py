"""Families: every job's series are there from the start, and any text stands in a label."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from jobd.core import events as ev
from jobd.core.claim import JobMemory, Pause
from jobd.core.job import About, Limits, Scope
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.core.run import RunState
from jobd.core.said import StepTime
from jobd.core.view import RunView
from jobd.telemetry.families import JOB_FAMILIES
from jobd.telemetry.row import Row, escape
from jobd.telemetry.series import MOST_STEPS, OTHER_STEPS

LABELLED = {
    "jobd_ticks_skipped_total": ("reason", {str(reason) for reason in SkipReason}),
    "jobd_runs_started_total": ("trigger", {"schedule", "catchup", "manual"}),
    "jobd_runs_total": ("outcome", {str(outcome) for outcome in Outcome}),
}


@pytest.mark.parametrize("name", LABELLED)
async def test_every_value_of_a_label_is_there_from_the_start(node: Any, name: str) -> None:
    """``rate()`` misses the first skip of a reason whose series the skip itself makes."""
    label, values = LABELLED[name]
    found = await node.samples()
    assert {labels[label] for labels in found.labels(name)} == values
    assert found.total(name) == 0


@pytest.mark.parametrize(
    "family", [family for family in JOB_FAMILIES if family.kind != "info"], ids=lambda f: f.name
)
async def test_a_job_without_anything_is_all_zeros(node: Any, make: Any, family: Any) -> None:
    node.configure(make.job(schedule=None, kill_after=timedelta()))
    node.show(next_fire=None, next_due=None, interval=None)
    found = await node.samples()
    names = [name for name in found.names() if name.startswith(family.name)]
    assert sum(found.total(name) for name in names) == 0


async def test_what_the_store_remembers_is_shown_right_after_a_restart(
    node: Any, make: Any
) -> None:
    ended = make.NOW - timedelta(hours=2)
    memory = JobMemory(
        "backup",
        make.NOW,
        last_ended=ended,
        last_success=ended - timedelta(days=1),
        memory_peak_bytes=1 << 30,
    )
    node.show(memory=memory, utilization=0.75)
    found = await node.samples()
    assert found.value("jobd_last_run_timestamp_seconds") == ended.timestamp()
    assert found.value("jobd_last_success_timestamp_seconds") == ended.timestamp() - 86_400
    assert found.value("jobd_run_memory_peak_bytes") == 1 << 30
    assert found.value("jobd_job_interval_utilization_ratio") == 0.75


async def test_the_definition_is_shown(node: Any, make: Any) -> None:
    limits = Limits(memory_max_bytes=512 << 20)
    node.configure(
        make.job(
            limits=limits,
            timeout=timedelta(minutes=5),
            kill_after=timedelta(minutes=7),
            about=About(owner="team-orders", runbook="https://wiki/backup"),
        )
    )
    found = await node.samples()
    assert found.value("jobd_job_memory_max_bytes") == 512 << 20
    assert found.value("jobd_job_timeout_seconds") == 300
    assert found.value("jobd_job_kill_after_seconds") == 420
    assert found.value("jobd_job_interval_seconds") == 600
    assert found.labels("jobd_job_info") == [
        {
            "job_name": "backup",
            "owner": "team-orders",
            "runbook": "https://wiki/backup",
            "schedule": "*/10 * * * *",
            "scope": "node",
            "overlap": "skip",
            "enabled": "true",
        }
    ]


async def test_a_job_s_scope_is_its_own(node: Any, make: Any) -> None:
    node.configure(make.job("backup", scope=Scope.CLUSTER), make.job("local", scope=Scope.NODE))
    found = await node.samples()
    assert found.value("jobd_job_info", job_name="backup", scope="cluster") == 1
    assert found.value("jobd_job_info", job_name="local", scope="node") == 1


async def test_a_disabled_job_says_so(node: Any, make: Any) -> None:
    """What it did before would be told of for ever."""
    node.configure(make.job(enabled=False))
    assert (await node.samples()).value("jobd_job_info", enabled="false") == 1


async def test_the_present_state_is_shown(node: Any, make: Any) -> None:
    runs = tuple(RunView(make.run(run_id), "running", make.NOW) for run_id in ("r1", "r2"))
    fire = make.NOW + timedelta(minutes=20)
    node.show(runs=runs, pause=Pause("uid 0", make.NOW), next_fire=fire)
    found = await node.samples()
    assert found.value("jobd_runs_active") == 2
    assert found.value("jobd_job_paused") == 1
    assert found.value("jobd_next_tick_timestamp_seconds") == fire.timestamp()


async def test_the_start_of_the_oldest_attempt_is_shown(node: Any, make: Any) -> None:
    """Without it nobody can tell a run that is stuck from many that follow each other."""
    ages = {"r1": ("running", 5), "r2": ("running", 7), "r3": ("backoff", 9)}
    runs = tuple(
        RunView(make.run(run_id), RunState(state), make.NOW - timedelta(minutes=age))
        for run_id, (state, age) in ages.items()
    )
    node.show(runs=(*runs, RunView(make.run("r4"), RunState.STARTING, None)))
    since = (await node.samples()).value("jobd_run_active_since_timestamp_seconds")
    assert since == (make.NOW - timedelta(minutes=7)).timestamp()


@pytest.mark.parametrize("attempt", ["first", "by hand", "retry"])
async def test_the_start_is_shown_once_it_is_known(node: Any, make: Any, attempt: str) -> None:
    happened = {
        "first": lambda: node.observe(make.granted()),
        "by hand": lambda: node.observe(make.manual()),
        "retry": lambda: node.observe(make.granted(), make.finish(will_retry=True)),
    }
    happened[attempt]()
    await node.page()
    node.show(runs=(RunView(make.run(), RunState.RUNNING, make.NOW),))
    node.observe(ev.RunStarted("r1", make.NOW))
    since = (await node.samples()).value("jobd_run_active_since_timestamp_seconds")
    assert since == make.NOW.timestamp()


@pytest.mark.parametrize("outcome", [None, *Outcome])
async def test_whether_the_last_run_failed_is_shown(
    node: Any, make: Any, outcome: Outcome | None
) -> None:
    """A run that somebody canceled, and a job that never ran, are nobody's alarm."""
    node.show(memory=JobMemory("backup", make.NOW, last_outcome=outcome))
    is_fine = outcome in (None, Outcome.SUCCESS, Outcome.CANCELED)
    assert (await node.samples()).value("jobd_last_run_failed") == (not is_fine)


@pytest.mark.parametrize(("minutes", "ticks"), [(0, 0), (9, 1), (35, 4)])
async def test_ticks_since_the_last_success_are_counted_by_the_schedule(
    node: Any, make: Any, minutes: int, ticks: int
) -> None:
    """An age says nothing: a night without ticks is no alarm, nor is a weekend."""
    success = make.NOW - timedelta(minutes=minutes)  # NOW is a tick, and every ten minutes is one
    node.show(memory=JobMemory("backup", make.NOW, last_success=success))
    assert (await node.samples()).value("jobd_job_ticks_since_success") == ticks


async def test_a_job_without_a_next_tick_need_not_succeed(node: Any, make: Any) -> None:
    """It was disabled, or is for other nodes alone since the last reload."""
    success = make.NOW - timedelta(days=1)
    node.show(memory=JobMemory("backup", make.NOW, last_success=success), next_fire=None)
    assert (await node.samples()).value("jobd_job_ticks_since_success") == 0


async def test_the_usual_duration_is_shown(node: Any, make: Any) -> None:
    usual = {"smoothed_duration_s": 12.5, "smoothed_lasted_s": 40.0}
    node.show(memory=JobMemory("backup", make.NOW, **usual))
    samples = await node.samples()
    assert samples.value("jobd_run_usual_duration_seconds") == 40.0
    assert samples.value("jobd_attempt_usual_duration_seconds") == 12.5


async def test_no_secret_and_no_run_id_is_in_the_metrics(node: Any, make: Any) -> None:
    """A label per run would make a new series for each, for ever."""
    node.show(runs=(RunView(make.run("0196-run-id"), "running", make.NOW),))
    node.observe(make.granted("0196-run-id"))
    page = await node.page()
    assert make.SECRET not in page
    assert "0196-run-id" not in page


async def test_a_job_has_a_bounded_number_of_series(node: Any, make: Any) -> None:
    for outcome in Outcome:
        node.observe(make.granted(), make.finish(outcome, duration_s=3.0))
    for reason in SkipReason:
        node.observe(make.skipped(reason))
    lines = [line for line in (await node.page()).splitlines() if 'job_name="backup"' in line]
    assert len(lines) == 60


async def test_each_step_of_a_job_has_a_histogram(node: Any, make: Any) -> None:
    steps = (StepTime("load", 3.0), StepTime("send", 70.0))
    node.observe(make.granted(), make.finish(steps=steps))
    node.observe(make.granted(), make.finish(will_retry=True, steps=steps[:1]))
    found = await node.samples()
    name = "jobd_step_duration_seconds"
    assert found.value(f"{name}_count", step="load") == 2, "each attempt counts"
    assert found.value(f"{name}_sum", step="load") == 6.0
    assert found.value(f"{name}_bucket", step="load", le="5.0") == 2
    assert found.value(f"{name}_bucket", step="send", le="60.0") == 0
    assert found.value(f"{name}_bucket", step="send", le="+Inf") == 1
    assert await node.openmetrics()


async def test_a_job_has_so_many_steps_and_one_for_the_rest(node: Any, make: Any) -> None:
    """A job that names its steps by customer must not fill the server that scrapes us."""
    for number in range(3 * MOST_STEPS):
        node.observe(make.granted(), make.finish(steps=(StepTime(f"s{number}", 1.0),)))
    node.observe(make.granted(), make.finish(steps=(StepTime("s0", 1.0),)))
    found = await node.samples()
    name = "jobd_step_duration_seconds_count"
    assert len(found.labels(name)) == MOST_STEPS + 1
    assert found.value(name, step="s0") == 2
    assert found.value(name, step=OTHER_STEPS) == 2 * MOST_STEPS


async def test_the_steps_of_a_job_that_is_removed_are_gone(node: Any, make: Any) -> None:
    node.observe(make.granted(), make.finish(steps=(StepTime("load", 1.0),)))
    node.configure(make.job("other"))
    assert 'step="load"' not in await node.page()


def info_page(make: Any, node: Any, name: str, owner: str, schedule: str) -> str:
    job = make.job(name, about=About(owner=owner), schedule=SimpleNamespace(text=schedule))
    node.configure(job)
    row = Row(escape(name), node.telemetry.jobs.by_name[name], node.views[name], make.NOW)
    return "".join(family.lines(row) for family in JOB_FAMILIES)


# Surrogates alone cannot be written as UTF-8; a page replaces them.
any_text = st.text(st.characters(exclude_categories=["Cs"]))


@given(name=any_text, owner=any_text, schedule=any_text)
def test_any_text_in_a_label_comes_back_as_it_was(
    new_node: Any, make: Any, name: str, owner: str, schedule: str
) -> None:
    page = info_page(make, new_node(), name, owner, schedule)
    wanted = {"job_name": name, "owner": owner, "schedule": schedule}
    (info,) = [f for f in text_families(page) if f.name == "jobd_job_info"]
    assert wanted.items() <= info.samples[0].labels.items()
    head = "# TYPE jobd_job info\n"
    (line,) = [line for line in page.split("\n") if line.startswith("jobd_job_info")]
    (info,) = openmetrics_families(f"{head}{line}\n# EOF\n")
    assert wanted.items() <= info.samples[0].labels.items()


async def test_text_that_is_no_utf_8_spoils_no_page(node: Any, make: Any) -> None:
    node.configure(make.job(about=About(owner="a\udcffb")))
    assert (await node.samples()).labels("jobd_job_info")[0]["owner"] == "a?b"
