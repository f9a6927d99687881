"""Questions: runs, ticks, and who did what."""

import pytest

from jobd.core.outcome import Outcome
from jobd.ports import AuditEntry, RunFilter


def ids(records) -> list[str]:
    return [record.run_id for record in records]


async def test_runs_are_newest_first_active_ones_included(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 1, run_id="a")
    await scene.pass_through("poll", 1, run_id="b")
    await scene.claim("backup", 2, run_id="c")
    assert ids(await scene.store.runs(RunFilter())) == ["c", "b", "a"]


async def test_an_active_run_has_no_outcome(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", None, now=1, run_id="a", params=(("N", "1"),))
    record = await scene.store.run("a")
    assert (record.outcome, record.ended_at, record.token) == (None, None, run.token)
    assert (record.claimed_at, record.params) == (scene.at(1), (("N", "1"),))
    assert record.requested_by == "uid 1000 (anna)"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RunFilter(job="backup"), ["c", "b", "a"]),
        (RunFilter(job="nobody"), []),
        (RunFilter(outcome="success"), ["d", "a"]),
        (RunFilter(outcome="failure"), ["b"]),
        (RunFilter(outcome="timeout"), []),
        (RunFilter(outcome="nonsense"), []),
        (RunFilter(outcome="active"), ["c"]),
        (RunFilter(job="poll", outcome="active"), []),
        (RunFilter(job="backup", outcome="active"), ["c"]),
        (RunFilter(job="backup", outcome="success"), ["a"]),
        (RunFilter(limit=2), ["d", "c"]),
        (RunFilter(limit=0), []),
    ],
)
async def test_runs_are_filtered(scene, wanted: RunFilter, expected: list[str]) -> None:
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 1, run_id="a")
    failing = await scene.claim("backup", 2, run_id="b")
    await scene.finish(failing, 3, outcome=Outcome.FAILURE)
    await scene.claim("backup", 4, run_id="c")
    await scene.pass_through("poll", 4, run_id="d")
    assert ids(await scene.store.runs(wanted)) == expected


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("abc1", "abc1"),
        ("abc", "abc"),  # whole, although others begin with it
        ("abd", "abd7"),
        ("ab", None),
        ("", None),
        ("nothing", None),
        ("ab%", None),
        ("\U0010ffff", None),
        ("abd\udcff", None),
    ],
)
async def test_a_run_is_found_by_a_prefix_that_only_it_has(
    scene, asked: str, found: str | None
) -> None:
    await scene.enrol("backup")
    for minute, run_id in enumerate(("abc1", "abc2", "abc", "abd7")):
        await scene.pass_through("backup", minute, run_id=run_id)
    record = await scene.store.run(asked)
    assert (record and record.run_id) == found


async def test_ticks_are_newest_first_and_no_more_than_asked(scene) -> None:
    await scene.enrol("backup")
    for minute in (3, 1, 2):
        await scene.skip(scene.skip_of("backup", minute))
    rows = await scene.store.ticks("backup", limit=2)
    assert [row.ticks.first for row in rows] == [scene.at(3), scene.at(2)]


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (1, [1]),
        (15, [10]),  # inside the range that begins at 10
        (10, [10]),
        (20, [10]),
        (5, [10, 1]),  # between two rows: the one after, the one before
        (0, [1]),
        (50, [30]),
    ],
)
async def test_ticks_at_an_instant(scene, minute: int, expected: list[int]) -> None:
    await scene.enrol("backup", "poll")
    await scene.skip(
        scene.skip_of("backup", 1),
        scene.skip_of("backup", 10, 20, count=11),
        scene.skip_of("backup", 30),
        scene.skip_of("poll", 5),
    )
    rows = await scene.store.ticks("backup", at=scene.at(minute))
    assert [row.ticks.first for row in rows] == [scene.at(first) for first in expected]


async def test_a_job_without_ticks_has_none(scene) -> None:
    await scene.enrol("backup")
    assert list(await scene.store.ticks("backup")) == []
    assert list(await scene.store.ticks("backup", at=scene.at(1))) == []
    assert list(await scene.store.ticks("nobody")) == []


async def test_who_did_what_is_kept_newest_first(scene) -> None:
    entries = [AuditEntry(scene.at(n), "uid 0", "pause", f"job{n % 2}", "é") for n in range(4)]
    for entry in entries:
        await scene.store.note(entry)
    assert list(await scene.store.audit()) == entries[::-1]
    assert list(await scene.store.audit("job1", limit=1)) == [entries[3]]
    assert list(await scene.store.audit("nobody")) == []


async def test_a_repeated_note_is_kept_once(scene) -> None:
    entry = AuditEntry(scene.at(1), "uid 0", "pause", "backup")
    await scene.store.note(entry)
    await scene.store.note(entry)
    assert list(await scene.store.audit()) == [entry]
