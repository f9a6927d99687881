"""Outputs: kept files are read, searched and removed, whatever is in them."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.daemon.outputs import LONGEST_LINE, Outputs
from jobd.web.node import OutputSlice
from tests.daemon.fakes import keep_output

RUN = "aa11"


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


async def is_found(outputs: Outputs, data: bytes, pattern: str, capacity: int = 1 << 20) -> bool:
    keep_output(outputs.path(RUN, 1), data, capacity)
    return await outputs.has_match(RUN, 1, pattern)


async def test_what_was_written_can_be_read(outputs: Outputs) -> None:
    keep_output(outputs.path(RUN, 1), b"hello")
    assert await outputs.read(RUN, 1, 1, 3) == OutputSlice(b"ell", 4)


async def test_a_run_that_wrote_nothing_has_an_empty_output(outputs: Outputs) -> None:
    """Its file is made at the first byte, so there is none."""
    assert await outputs.read(RUN, 1, 0, 10) == OutputSlice(b"", 0)
    assert not await outputs.has_match(RUN, 1, "")


@pytest.mark.parametrize(
    ("data", "pattern", "expected"),
    [
        (b"fine\nERROR here\n", "ERROR", True),
        (b"fine\nfine\n", "ERROR", False),
        (b"no newline at the end: ERROR", "ERROR$", True),
        (b"ERROR\r\nfine\r\n", "^ERROR$", True),
        (b"ER\nROR\n", "ER.?ROR", False),
        (b"a ERROR\n", "^ERROR", False),
        (b"\xff\xfe\x00ERROR\x80\n", "ERROR", True),
        ("Fehler: ungültig\n".encode(), "ungültig", True),
        (b"\n\n\n", "^$", True),
        (b"ok\n", "^(?!ok)", False),
    ],
)
async def test_a_pattern_is_looked_for_in_each_line(
    outputs: Outputs, data: bytes, pattern: str, expected: bool
) -> None:
    assert await is_found(outputs, data, pattern) is expected


async def test_a_line_that_lies_across_two_pieces_is_one_line(outputs: Outputs) -> None:
    data = b"x" * 63 + b"\n"
    data *= (1 << 16) // 64
    assert await is_found(outputs, data[:-5] + b"ERROR of a line\n", "ERROR of a line")


async def test_only_the_beginning_of_a_very_long_line_is_searched(outputs: Outputs) -> None:
    """Bounded work for any output: a line of a gigabyte costs no gigabyte of memory."""
    assert await is_found(outputs, b"ERROR" + b"x" * 500_000, "ERROR")
    assert not await is_found(outputs, b"x" * LONGEST_LINE + b"ERROR", "ERROR")


async def test_after_a_very_long_line_the_next_one_counts(outputs: Outputs) -> None:
    assert await is_found(outputs, b"x" * 200_000 + b"\nERROR\n", "^ERROR$")


async def test_lines_do_not_go_on_behind_a_dropped_middle(outputs: Outputs) -> None:
    """Else a failure would be made of two halves that never stood side by side."""
    data = b"ERR" + b"\n" * 10_000 + b"OR7890"
    assert not await is_found(outputs, b"1234567ERR" + b"x" * 90 + b"OR12345678", "ERROR", 20)
    assert await is_found(outputs, data, "^OR7890", 12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(2, 400))
async def test_no_bytes_upset_the_search(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, capacity: int
) -> None:
    outputs = Outputs(tmp_path_factory.mktemp("o", numbered=True))
    kept = len(data) <= capacity
    found = await is_found(outputs, data, "E", capacity)
    assert found == (b"E" in data) or not kept


@pytest.mark.parametrize("broken", ["garbage", "folder"])
async def test_output_that_cannot_be_searched_fails_no_run(
    outputs: Outputs, log: list[Any], broken: str
) -> None:
    """It must not take the daemon down either, which reads it in the loop of all reports."""
    path = outputs.path(RUN, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * 100) if broken == "garbage" else path.mkdir()
    assert not await outputs.has_match(RUN, 1, "x")
    assert [(r["event"], r["run"]) for r in log] == [
        ("output not searched for failure_pattern", RUN)
    ]


async def test_removing_a_run_removes_all_its_attempts_and_no_other_s(outputs: Outputs) -> None:
    for run_id, attempt in (("aa11", 1), ("aa11", 12), ("aa112", 1), ("aa1", 1), ("bb22", 3)):
        keep_output(outputs.path(run_id, attempt), b"x")
    await outputs.remove(["aa11", "bb22", "cc33"])
    left = sorted(path.name for path in outputs.path("aa11", 1).parent.glob("*"))
    assert (left, outputs.path("bb22", 3).exists()) == (["aa1.1", "aa112.1"], False)


async def test_output_that_cannot_be_removed_is_told_and_keeps_no_other(
    outputs: Outputs, log: list[Any]
) -> None:
    outputs.path("aa11", 1).mkdir(parents=True)
    keep_output(outputs.path("bb22", 1), b"x")
    await outputs.remove(["aa11", "bb22"])
    assert [record["event"] for record in log] == ["output not deleted"]
    assert os.listdir(outputs.path("bb22", 1).parent) == []
