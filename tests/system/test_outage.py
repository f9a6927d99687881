"""``make outage``, shortened: cron melts where jobd warns, holds, and is back.

What the runs noted themselves and what the kernel counted is the evidence. jobd's own word
is taken only for its warning, and compared where it speaks of ticks.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deploy.outage.chart import chart
from deploy.outage.journal import Journal
from deploy.outage.plan import INTERVAL_MIN, MIB, NODE_MIB, NODES, SHORT
from deploy.outage.record import Record, Sample, Side
from deploy.outage.replay import Replay
from deploy.outage.sandbox import NoSandbox, Sandbox
from deploy.outage.table import table
from jobd.supervisor.cgroup import Hierarchies
from tests.system.processes import eventually, processes_with

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True, slots=True)
class Seen:
    """One replay that is over: all tests here look at it."""

    record: Record
    folder: Path
    groups: list[str]

    def noted(self, side: str, kind: str) -> int:
        """Return how many notes of a kind the runs of a side wrote."""
        return sum(note.kind == kind for note in Journal(self.folder / side).notes())


@pytest.fixture(scope="module")
def seen(needs_postgres: None) -> Iterator[Seen]:
    """Replay it once: about a minute."""
    with tempfile.TemporaryDirectory(prefix="jobd-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            with Replay(folder, SHORT) as replay:
                groups = replay.groups
                record = replay.run()
        except NoSandbox as error:
            # CI may be in a container that has no cgroup to give; the words say what to do.
            pytest.skip(str(error))
        yield Seen(record, folder, groups)


def test_cron_melts(seen: Seen) -> None:
    """Else jobd's side would have nothing to be better than."""
    assert seen.noted("cron", "beside") >= len(NODES)
    assert seen.record.cron.most_copies > 2 * len(NODES)
    lacking = seen.noted("cron", "start") - seen.noted("cron", "end")
    assert lacking >= seen.record.killed > 0
    assert seen.record.melt_min is not None
    assert SHORT.slows_min < seen.record.melt_min < SHORT.heals_min


def test_no_two_runs_of_jobd_are_ever_alive_together(seen: Seen) -> None:
    """By a lock that the kernel keeps, on four nodes that share one file."""
    assert seen.noted("jobd", "start") >= 4
    assert seen.noted("jobd", "beside") == 0
    assert seen.record.jobd.most_copies == 1


def test_jobd_s_runs_stay_within_the_budget_of_one_node(seen: Seen) -> None:
    assert SHORT.held_mib * MIB <= seen.record.jobd.most_bytes <= NODE_MIB * MIB
    assert 0 < seen.record.reserved_most_bytes <= NODE_MIB * MIB


def test_the_warning_comes_before_the_overload(seen: Seen) -> None:
    """And not after it, when nobody needs it any more: ticks are skipped, cron melts."""
    warned, melted = seen.record.warning_min, seen.record.melt_min
    assert warned is not None
    assert melted is not None
    assert warned < SHORT.slows_min < melted
    assert [at for at in seen.record.skips_min if at > SHORT.slows_min]


def test_the_first_tick_after_the_network_heals_starts(seen: Seen) -> None:
    """Of which tick a run was it has noted itself; how soon it did so is the machine's matter."""
    healed = [at for at in seen.record.jobd.starts_min if at >= SHORT.heals_min]
    assert healed
    assert healed[0] - seen.record.jobd_free_min <= INTERVAL_MIN


def test_the_ledger_says_of_each_tick_what_the_runs_say(seen: Seen) -> None:
    fates = seen.record.jobd.fates
    assert fates.total() == len(list(SHORT.ticks()))
    assert fates["skipped: overlap"] > 0
    assert fates["finished"] > 0
    assert fates["killed"] == 0
    assert seen.record.jobd.begun == len(seen.record.jobd.starts_min)
    assert seen.record.jobd.begun + fates["skipped: overlap"] == fates.total()


def test_the_replay_sees_what_it_claims(seen: Seen) -> None:
    assert [claim for claim, is_seen in seen.record.claims().items() if not is_seen] == []


def test_table_and_chart_show_both_sides(seen: Seen) -> None:
    text = table(seen.record)
    assert f"{seen.record.killed} killed" in text
    assert "minutes: the next tick starts" in text
    drawn = ElementTree.fromstring(chart(seen.record))
    words = [element.text or "" for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"jobd warns", "cron melts", "it heals", "jobd is back"} <= set(words)


def test_a_run_of_jobd_that_was_killed_is_told() -> None:
    """What the table says of jobd was looked for, as what it says of cron."""
    samples = [Sample(0.0, 1, MIB)]
    cron = Side(samples, (0.0,), 0, Counter(finished=4))
    jobd = Side(samples, (0.0, 15.0), 0, Counter(finished=1, killed=1))
    record = Record(SHORT, cron, jobd, [(0.0, 0)], [], 0.0, (), None)
    rows = [[cell.strip() for cell in line.split("|")] for line in table(record).splitlines()]
    assert ["", "killed by the kernel, out of memory", "0", "1", ""] in rows
    assert ["", "melt", "never", "seen", ""] in rows
    assert not record.claims()["the kernel kills no run of jobd's"]


@pytest.mark.parametrize(
    ("starts_min", "ends_min", "is_back"),
    [
        ((60.0, 120.0), (112.0, 130.0), True),
        ((75.0, 135.0), (121.0, 140.0), True),  # it ran beyond the tick of 120, by right
        ((60.0, 135.0), (100.0, 140.0), False),  # nothing was in the way of the tick of 120
        ((60.0, 135.0), (112.0, 140.0), False),
        ((60.0,), (112.0,), False),
    ],
)
def test_jobd_is_back_when_it_starts_the_first_tick_that_nothing_was_in_the_way_of(
    starts_min: tuple[float, ...], ends_min: tuple[float, ...], is_back: bool
) -> None:
    jobd = Side([Sample(0.0, 1, MIB)], starts_min, 0, Counter(finished=2), ends_min)
    record = Record(SHORT, jobd, jobd, [(0.0, 0)], [], 0.0, (), None)
    assert record.claims()["jobd is back within one interval"] is is_back


def test_nothing_of_the_replay_is_left(seen: Seen) -> None:
    records = [seen.folder / node / "state/supervisor.groups" for node in NODES]
    groups = [
        *seen.groups,
        *(it for one in records for it in json.loads(one.read_bytes())["directories"]),
    ]
    assert len(groups) > len(seen.groups) > 0
    eventually(lambda: not any(map(os.path.exists, groups)), f"{groups} are removed")
    assert processes_with(f"{seen.folder}/") == []


def test_without_a_controller_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alternative would be to melt the machine of who tries it."""
    nothing = Hierarchies(None, {})
    monkeypatch.setattr("jobd.supervisor.enforcer.find_hierarchies", lambda: nothing)
    with pytest.raises(NoSandbox, match="no cgroup controller for memory and pids"):
        Sandbox(64 * MIB, 10)
