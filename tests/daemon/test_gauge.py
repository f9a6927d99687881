"""Gauge: the kernel's pressure and the store's latency, as the core is told of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobd.core.events import NodeMeasured
from jobd.core.pressure import Strain
from jobd.daemon.gauge import ANSWERS, Gauge, some_avg10
from jobd.daemon.inbox import Inbox

WORDS = (
    "some avg10={0} avg60=1.00 avg300=2.00 total=123\nfull avg10=9.99 avg60=0.00 avg300=0 total=1\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A /proc/pressure of its own."""
    for name, share in (("memory", "31.50"), ("io", "0.00"), ("cpu", "7.25")):
        (tmp_path / name).write_text(WORDS.format(share), encoding="ascii")
    return tmp_path


def gauge(folder: Path, *latencies: float | None) -> Gauge:
    answers: Iterator[float | None] = iter(latencies)
    return Gauge(Inbox(), lambda: next(answers, None), folder)


def test_the_share_of_the_last_ten_seconds_is_read(folder: Path) -> None:
    measured = gauge(folder).measure()
    assert measured == {Strain.MEMORY: 31.5, Strain.IO: 0.0, Strain.CPU: 7.25}


def test_a_kernel_without_these_files_tells_nothing(tmp_path: Path) -> None:
    assert gauge(tmp_path).measure() == {}


def test_this_kernel_s_own_files_are_understood() -> None:
    share = some_avg10(Path("/proc/pressure/memory"))
    assert share is None or 0 <= share <= 100


def test_a_store_is_slow_when_several_answers_are(tmp_path: Path) -> None:
    slow = gauge(tmp_path, *[3.0] * (ANSWERS - 1), 2.5, 0.1)
    told = [slow.measure().get(Strain.STORE) for _ in range(ANSWERS + 1)]
    assert told == [*[None] * (ANSWERS - 1), 2.5, 0.1]


def test_a_store_that_does_not_answer_is_not_called_slow(tmp_path: Path) -> None:
    gone = gauge(tmp_path, *[3.0] * ANSWERS, None, 3.0)
    told = [gone.measure().get(Strain.STORE) for _ in range(ANSWERS + 2)]
    assert told[-3:] == [3.0, None, None]


async def test_the_core_is_told(folder: Path) -> None:
    inbox = Inbox()
    measuring = Gauge(inbox, lambda: None, folder)
    inbox.put(NodeMeasured(measuring.measure()))
    (event,) = inbox.take()
    assert event.strains[Strain.MEMORY] == 31.5
