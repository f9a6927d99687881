"""What the report says to somebody at three in the morning, and to a newcomer."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from jobd.cli.ctl import session
from jobd.cli.ctl.client import Client
from jobd.core.job import Limits
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.usage import RunUse
from jobd.web.forecast_words import when_words
from tests.cli.ctl.conftest import Ctl
from tests.web.fake_node import NOW, FakeNode, KeptStore, hourly, job_named, view_of

DAY_S = 86400


@pytest.fixture
def store(node: FakeNode) -> KeptStore:
    """Return the history of a node with the job "backup": 15 minutes, timeout 5, 512 MiB."""
    node.store = KeptStore()
    return node.store


def lines(ctl: Ctl, *arguments: str) -> list[str]:
    """Return what is printed, each run of spaces as one."""
    said = ctl("report", *arguments)
    assert said.status == 0, said.err
    return [" ".join(line.split()) for line in said.out.splitlines()]


def test_what_needs_a_look_comes_first_in_a_sentence(ctl: Ctl, store: KeptStore) -> None:
    store.uses["backup"] = hourly(60.0, 240.0)
    said = lines(ctl)
    assert said[:2] == [
        "LOOK AT THESE",
        "backup reaches its timeout of 5m in about 10 days, fairly sure",
    ]


def test_a_report_is_waited_for_longer_than_anything_else(
    ctl: Ctl, store: KeptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of ten thousand jobs takes half a minute: other answers are given up before."""
    known = store.usage

    async def slow(jobs: Sequence[str], most: int) -> dict[str, Sequence[RunUse]]:
        await asyncio.sleep(0.5)  # ten times what is waited for anything else
        return await known(jobs, most)

    monkeypatch.setattr(store, "usage", slow)
    monkeypatch.setattr(session, "Client", partial(Client, timeout_s=0.05))
    assert lines(ctl)


def test_the_step_that_has_grown_is_said_below_it(ctl: Ctl, store: KeptStore) -> None:
    uses = hourly(60.0, 240.0)
    store.uses["backup"] = [
        replace(use, steps=(StepTime("mails", use.duration_s - 20), StepTime("prune", 20.0)))
        for use in uses
    ]
    assert lines(ctl)[2] == ("about 100% of the growth in time is its step mails: about 3m longer")


def test_every_job_is_a_row_under_the_heads(ctl: Ctl, node: FakeNode, store: KeptStore) -> None:
    node.add(view_of(job_named("poll")))
    node.add(view_of(job_named("by-hand", limits=Limits(), timeout=None), interval=None))
    store.uses["backup"] = hourly(60.0, 240.0)
    store.skips = {"backup": {"overlap": 4}}
    said = lines(ctl)
    start = said.index("") + 1
    assert said[start : start + 4] == [
        "JOB INTERVAL TIMEOUT MEMORY SKIPS TREND TOOK SLOW PEAK",
        "backup 26% 79% 20% 4 time up 3m 58s 3m 57s 100M",
        "by-hand - - - 0 no runs - - -",
        "poll - - - 0 no runs - - -",
    ]


def test_that_all_is_well_is_said_too(ctl: Ctl, store: KeptStore) -> None:
    store.uses["backup"] = hourly(60.0, 60.0)
    assert lines(ctl)[0] == "no job takes too much, or is seen to in the time to come"


@pytest.mark.parametrize(
    ("uses", "word"),
    [
        ([], "no runs"),
        (hourly(60.0, 61.0, days=0.2), "few runs"),
        (hourly(60.0, 60.0), "steady"),
        (hourly(60.0, 120.0), "time up"),
        (hourly(120.0, 60.0), "down"),
    ],
)
def test_the_trend_is_a_word(ctl: Ctl, store: KeptStore, uses: list[RunUse], word: str) -> None:
    if uses:
        store.uses["backup"] = uses
    said = lines(ctl)
    assert f" 0 {word} " in said[said.index("") + 2]


def test_memory_that_grows_is_told_from_time_that_does(ctl: Ctl, store: KeptStore) -> None:
    plain = hourly(60.0, 60.0)
    store.uses["backup"] = [
        RunUse(use.ended_at, use.outcome, 60.0, (100 << 20) + (n << 19))
        for n, use in enumerate(plain)
    ]
    said = lines(ctl)
    assert said[1].startswith("backup reaches its memory_max of 512M in about ")
    assert " 0 memory up " in said[4]


@pytest.mark.parametrize(
    ("uses", "sentence"),
    [
        (
            hourly(1000.0, 1000.0),
            "takes longer than its interval of 15m: 16m 40s lately; so in 240 of 240 recent runs",
        ),
        (
            hourly(310.0, 310.0, outcome=Outcome.TIMEOUT),
            "runs into its timeout of 5m: 5m 10s lately; so in 240 of 240 recent runs",
        ),
        (
            hourly(60.0, 60.0, outcome=Outcome.OOM),
            "is killed at its memory_max of 512M, lately more often than not; "
            "so in 240 of 240 recent runs",
        ),
        (
            hourly(1000.0, 1000.0, peak=None, outcome=Outcome.OOM),
            "240 of 240 recent runs took longer than its interval of 15m",
        ),
        (
            [*hourly(60.0, 60.0, days=1), *hourly(300.0, 300.0, days=0.1, outcome=Outcome.TIMEOUT)],
            "3 of 20 recent runs ran into its timeout of 5m; usual is 20% of it",
        ),
        (
            hourly(60.0, 240.0, days=1),
            "reaches its timeout of 5m in about 8 hours, a guess from 1d of history",
        ),
    ],
)
def test_what_is_wrong_is_said(
    ctl: Ctl, node: FakeNode, store: KeptStore, uses: list[RunUse], sentence: str
) -> None:
    store.uses["backup"] = uses
    assert any(sentence in line for line in lines(ctl)), lines(ctl)[:6]


def test_of_one_job_all_that_is_foretold_is_said(ctl: Ctl, store: KeptStore) -> None:
    store.uses["backup"] = hourly(60.0, 120.0)
    assert lines(ctl, "backup")[:4] == [
        "FORECAST",
        "backup grows, 13% of its interval of 15m lately, and is not there within 90 days",
        "reaches its timeout of 5m in about 90 days, fairly sure",
        "is steady at 20% of its memory_max of 512M",
    ]


@pytest.mark.parametrize(
    ("uses", "sentence"),
    [
        ([], "has too few runs to say when it reaches its timeout of 5m"),
        (hourly(120.0, 60.0), "shrinks, 20% of its timeout of 5m lately"),
    ],
)
def test_of_one_job_that_is_well_it_is_said_why(
    ctl: Ctl, store: KeptStore, uses: list[RunUse], sentence: str
) -> None:
    if uses:
        store.uses["backup"] = uses
    assert sentence in lines(ctl, "backup")


def test_a_job_without_limits_has_none_to_reach(ctl: Ctl, node: FakeNode, store: KeptStore) -> None:
    node.add(view_of(job_named(limits=Limits(), timeout=None), interval=None))
    said = lines(ctl, "backup")
    assert said[0] == "there is no interval, timeout or memory_max that it could reach"


@pytest.mark.parametrize(
    ("at_s", "earliest_s", "latest_s", "words"),
    [
        (0, 0, 5, "any time now"),
        (12.4 * DAY_S, 8.9 * DAY_S, 19.2 * DAY_S, "in about 12 days (8 to 20)"),
        (47 * 3600, 40 * 3600, 60 * 3600, "in about 47 hours (40 to 60)"),
        (90, 80, 110, "in about 90 seconds (80 to 110)"),
        (300, 100, 500, "in about 5 minutes (1 to 9)"),
        (12 * DAY_S, 11.9 * DAY_S, 12.1 * DAY_S, "in about 12 days (11 to 13)"),
        (12.5 * DAY_S, 12.2 * DAY_S, 12.9 * DAY_S, "in about 12 days"),
        (12 * DAY_S, 5 * DAY_S, None, "in about 12 days (5 at least)"),
    ],
)
def test_when_is_said_in_the_unit_that_suits(
    at_s: float, earliest_s: float, latest_s: float | None, words: str
) -> None:
    assert when_words(at_s, earliest_s, latest_s) == words


def test_the_report_fits_a_terminal_of_eighty_columns(
    ctl: Ctl, store: KeptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences go on below."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    store.uses["backup"] = hourly(60.0, 240.0, days=1)
    printed = ctl("report").out
    assert max(map(len, printed.splitlines())) <= 80
    assert "in about 8 hours, a guess from 1d of history" in " ".join(printed.split())


def test_a_long_name_gives_way_to_the_figures(
    ctl: Ctl, node: FakeNode, store: KeptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every figure is there, and names that begin alike are still told apart."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for place in ("hamburg", "munich"):
        name = f"synchronise-the-warehouse-of-{place}"
        node.add(view_of(job_named(name)))
        store.uses[name] = hourly(1000.0, 1000.0, peak=(100 << 20) + (1 << 19))
    shown = [line for line in ctl("report").out.splitlines() if line.endswith("16m 40s  100.5M")]
    assert {line.split()[0] for line in shown} == {"synch…mburg", "synch…unich"}
    assert max(map(len, shown)) <= 80


def test_a_long_name_is_whole_when_it_is_piped(ctl: Ctl, node: FakeNode, store: KeptStore) -> None:
    node.add(view_of(job_named("x" * 100)))
    assert "x" * 100 in ctl("report").out


def test_json_is_the_daemon_s_document(ctl: Ctl, store: KeptStore) -> None:
    document = ctl("report", "--json").json
    assert document["now"] == NOW.isoformat().replace("+00:00", "Z")
    assert [job["job"] for job in document["jobs"]] == ["backup"]


def test_an_unknown_job_has_its_status(ctl: Ctl, store: KeptStore) -> None:
    assert ctl("report", "nobody").status == 66
