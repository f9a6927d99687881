"""The searcher: each line of what was kept meets the pattern, whatever is in it."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.daemon.searcher import LONGEST_LINE, has_match
from tests.daemon.fakes import keep_output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aa11.1"


def is_found(path: Path, data: bytes, pattern: str, capacity: int = 1 << 20) -> bool:
    keep_output(path, data, capacity)
    return has_match(str(path), re.compile(pattern))


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
def test_a_pattern_is_looked_for_in_each_line(
    path: Path, data: bytes, pattern: str, expected: bool
) -> None:
    assert is_found(path, data, pattern) is expected


def test_a_line_that_lies_across_two_pieces_is_one_line(path: Path) -> None:
    data = b"x" * 63 + b"\n"
    data *= (1 << 16) // 64
    assert is_found(path, data[:-5] + b"ERROR of a line\n", "ERROR of a line")


def test_only_the_beginning_of_a_very_long_line_is_searched(path: Path) -> None:
    """Bounded work for any output: a line of a gigabyte costs no gigabyte of memory."""
    assert is_found(path, b"ERROR" + b"x" * 500_000, "ERROR")
    assert not is_found(path, b"x" * LONGEST_LINE + b"ERROR", "ERROR")


def test_after_a_very_long_line_the_next_one_counts(path: Path) -> None:
    assert is_found(path, b"x" * 200_000 + b"\nERROR\n", "^ERROR$")


def test_lines_do_not_go_on_behind_a_dropped_middle(path: Path) -> None:
    """Else a failure would be made of two halves that never stood side by side."""
    data = b"ERR" + b"\n" * 10_000 + b"OR7890"
    assert not is_found(path, b"1234567ERR" + b"x" * 90 + b"OR12345678", "ERROR", 20)
    assert is_found(path, data, "^OR7890", 12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.integers(2, 400))
def test_no_bytes_upset_the_search(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, capacity: int
) -> None:
    path = tmp_path_factory.mktemp("o", numbered=True) / "aa11.1"
    kept = len(data) <= capacity
    found = is_found(path, data, "E", capacity)
    assert found == (b"E" in data) or not kept
