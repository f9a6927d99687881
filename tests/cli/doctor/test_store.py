"""What is made of a PostgreSQL's facts."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.cluster.postgres import PrivatePostgres
from jobd.cli.doctor.finding import Verdict
from jobd.cli.doctor.store import judge_latency, judge_server, judge_tables, shared_findings
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.config.model import StoreSettings
from jobd.store.postgres_probe import PgFacts

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
MS = timedelta(milliseconds=1)
FACTS = PgFacts(
    place="PostgreSQL at db:5432/jobd",
    version="15.6",
    number=150006,
    role="jobd",
    is_pooled=False,
    fsync=True,
    commits="on",
    may_migrate=False,
    may_use=True,
    tables=3,
    oldest=1,
    connections=10,
    max_connections=100,
    latency=MS,
    slowest=2 * MS,
    offset=0 * MS,
    doubt=MS,
)
SETTINGS = StoreSettings("postgresql://db/jobd", timedelta(minutes=1), timedelta(1), 1000, True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, {"reachable": OK}),
        (replace(FACTS, number=120015), {"reachable": FAIL}),
        (replace(FACTS, fsync=False), {"reachable": OK, "durable": FAIL}),
        (replace(FACTS, commits="off"), {"reachable": OK, "durable": FAIL}),
        (replace(FACTS, connections=98), {"reachable": OK, "connections": WARN}),
        (replace(FACTS, connections=98, is_pooled=True), {"reachable": OK}),
    ],
)
def test_a_server_must_keep_what_it_has_confirmed(
    facts: PgFacts, expected: dict[str, Verdict]
) -> None:
    """One that forgets a claim in a crash lets another node start the tick again."""
    assert {one.subject: one.verdict for one in judge_server(facts)} == expected


@pytest.mark.parametrize(
    ("facts", "migrate", "verdict", "mend"),
    [
        (FACTS, True, OK, ""),
        (replace(FACTS, tables=4), True, OK, ""),  # newer, and they serve
        (replace(FACTS, tables=4, oldest=4), True, FAIL, "install the newer jobd"),
        (replace(FACTS, tables=2, may_migrate=True), True, OK, ""),
        (replace(FACTS, tables=2, may_migrate=True), False, FAIL, "run jobd migrate"),
        (replace(FACTS, tables=2), True, FAIL, "run jobd migrate as their owner"),
        (replace(FACTS, tables=0, may_migrate=True), True, OK, ""),
        (replace(FACTS, tables=None), True, FAIL, "grant the role its rights"),
    ],
)
def test_tables_must_be_there_or_be_made_by_the_daemon(
    facts: PgFacts, migrate: bool, verdict: Verdict, mend: str
) -> None:
    found = judge_tables(facts, replace(SETTINGS, migrate=migrate), wanted=3)
    assert (found.verdict, found.mend.startswith(mend)) == (verdict, True)


@pytest.mark.parametrize(
    ("latency_ms", "slowest_ms", "verdict"), [(1, 30, OK), (101, 150, WARN), (5, 10_001, FAIL)]
)
def test_answers_must_come_well_within_a_lease(
    latency_ms: int, slowest_ms: int, verdict: Verdict
) -> None:
    facts = replace(FACTS, latency=latency_ms * MS, slowest=slowest_ms * MS)
    assert judge_latency(facts, timedelta(minutes=1)).verdict is verdict


def test_a_real_server_without_tables_is_fine_for_a_daemon_that_makes_them(
    postgres: PrivatePostgres, tmp_path: Path
) -> None:
    path = tmp_path / "jobd.toml"
    path.write_text(f'[store]\nurl = "{postgres.create_database("asked_by_the_doctor")}"\n')
    found = {one.subject: one for one in shared_findings(load(path), SystemClock())}
    assert {subject for subject, one in found.items() if one.verdict is FAIL} <= {"durable"}
    assert found["tables"].words == "none yet; the daemon makes them"
    assert {"reachable", "latency", "store's clock"} <= found.keys()
