"""Drift: the same definition has the same digest in every process, and no other has."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

from jobd.core.job import Command, Job, Provenance, Retries, Scope
from jobd.core.schedule import CronSchedule
from jobd.daemon.drift import differing, digests_of, summed

CRON = CronSchedule.parse("*/15 * * * *", job="a", timezone="UTC")
JOB = Job("a", Command(("true",)), CRON, retries=Retries(3), scope=Scope.CLUSTER)


def digest(job: Job) -> str:
    return digests_of([job])["a"]


def test_where_it_was_read_makes_no_difference() -> None:
    assert digest(replace(JOB, provenance=Provenance("/etc/b.toml", 7))) == digest(JOB)


def test_every_setting_makes_a_difference() -> None:
    others = [
        replace(JOB, command=Command(("true",), env=(("A", "1"),))),
        replace(JOB, timeout=timedelta(seconds=5)),
        replace(JOB, timeout=timedelta(seconds=5.5)),
        replace(JOB, retries=Retries(4)),
        replace(JOB, schedule=None),
        replace(JOB, schedule=CronSchedule.parse("*/15 * * * *", job="a", timezone="Asia/Tokyo")),
        replace(JOB, nodes=("app2",)),
        replace(JOB, enabled=False),
        JOB,
    ]
    assert len({digest(job) for job in others}) == len(others)


def test_another_process_computes_the_same() -> None:
    """Sets of text have another order in every process."""
    script = "from tests.daemon.test_drift import *; print(digest(JOB))"  # the very same definition
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, timeout=30, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert said == {f"{digest(JOB)}\n"}


def test_a_job_that_each_node_runs_for_itself_may_differ() -> None:
    assert digests_of([replace(JOB, scope=Scope.NODE)]) == {}


def test_jobs_that_only_one_has_differ() -> None:
    assert differing({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a", "c"]


def test_the_sum_does_not_depend_on_the_order() -> None:
    assert summed({"a": "1", "b": "2"}) == summed({"b": "2", "a": "1"}) != summed({"a": "1"})
