"""Lines of output and what they say about steps; the first are those of pretix."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobd.supervisor.pieces import PIECE
from jobd.supervisor.stepper import LONGEST_LINE, Stepper

# What `python -m pretix runperiodic -v 2` prints for each receiver, before and after it.
PRETIX = (
    r"^INFO Running (?P<step>\S+)…",
    r"^INFO (?:Completed \S+ in (?P<seconds>[\d.]+)s|Skipped)|^ERROR runperiodic",
)
ORDERS, TICKETS = "pretix.base.services.orders.expire_orders", "pretix.base.services.tickets.clean"


def stepper(start: str = PRETIX[0], end: str | None = PRETIX[1], begun_s: float = 0.0) -> Stepper:
    return Stepper(start, end, begun_s)


def read(found: Stepper, *pieces: tuple[str, float]) -> None:
    for text, at in pieces:
        found.read(text.encode(), at)


def test_the_receivers_of_pretix_are_steps() -> None:
    found = stepper()
    read(
        found,
        (f"INFO Running {ORDERS}…\n", 1.0),
        (f"something else\nINFO Completed {ORDERS} in 3.997s\n", 5.0),
        (f"INFO Running {TICKETS}…\n", 7.0),
        (f"INFO Skipped {TICKETS}\n", 7.5),
    )
    assert found.finish(20.0) == [[ORDERS, 3.997], [TICKETS, 0.5]]


def test_output_that_waited_in_the_job_s_buffer_has_the_durations_that_it_tells() -> None:
    """Python writes to a pipe by the block: everything comes at the end, at one instant."""
    found = stepper()
    text = (
        f"INFO Running {ORDERS}…\nINFO Completed {ORDERS} in 40.25s\n"
        f"INFO Running {TICKETS}…\nINFO Completed {TICKETS} in 2.5s\n"
    )
    read(found, (text, 43.0))
    assert found.finish(43.1) == [[ORDERS, 40.25], [TICKETS, 2.5]]


def test_no_step_is_longer_than_the_run_whatever_it_tells() -> None:
    found = stepper(begun_s=100.0)
    read(found, (f"INFO Running {ORDERS}…\nINFO Completed {ORDERS} in 99999999s\n", 103.0))
    assert found.finish(103.0) == [[ORDERS, 3.0]]


@pytest.mark.parametrize("seconds", ["1.2.3", "...", "1" * 400])
def test_what_is_no_duration_is_measured(seconds: str) -> None:
    found = stepper()
    read(found, (f"INFO Running {ORDERS}…\n", 1.0))
    read(found, (f"INFO Completed {ORDERS} in {seconds}s\n", 3.0))
    ((_, took_s),) = found.finish(3.0)
    assert took_s in (2.0, 3.0)


def test_a_receiver_that_fails_ends_its_step() -> None:
    found = stepper()
    read(found, (f"INFO Running {ORDERS}…\n", 1.0), ("ERROR runperiodic no such table\n", 2.0))
    assert found.finish(9.0) == [[ORDERS, 1.0]]


def test_a_line_counts_when_its_end_has_come() -> None:
    found = stepper()
    read(found, (f"INFO Running {ORDERS}", 1.0), ("…", 2.0), ("\r\n", 3.0))
    assert found.steps.current == (ORDERS, 3.0)


def test_the_last_line_needs_no_end() -> None:
    found = stepper()
    read(found, (f"INFO Running {ORDERS}…\n", 1.0), ("ERROR runperiodic: x", 2.0))
    assert found.finish(2.5) == [[ORDERS, 1.5]]


def test_without_an_end_a_step_lasts_until_the_next() -> None:
    found = stepper("== (?P<step>.*) ==", None)
    read(found, ("== load ==\n", 1.0), ("== send ==\n", 4.0))
    assert found.finish(9.0) == [["load", 3.0], ["send", 5.0]]


def test_a_group_that_took_no_part_ends_the_step_before() -> None:
    found = stepper("^>(?P<step>[a-z]+)?", None)
    read(found, (">load\n", 1.0), (">\n", 3.0))
    assert found.finish(9.0) == [["load", 2.0]]


def test_of_a_line_without_an_end_only_so_much_is_kept() -> None:
    found = stepper()
    for _ in range(100):
        read(found, ("x" * 60_000, 1.0))
    assert len(found._rest) == LONGEST_LINE


def test_bytes_that_are_no_text_do_no_harm() -> None:
    found = stepper("^(?P<step>.+)$", None)
    found.read(b"\xff\xfe\x00\n", 1.0)
    assert found.finish(2.0) == [["___", 1.0]]


def test_a_search_that_was_given_up_is_not_brought_to_its_end() -> None:
    """It has read ahead what it would be at for a minute, with each piece within its patience."""
    slow = b"a" * 22 + b"b\n"  # for the pattern, about 0.3 s of CPU
    pieces = [json.dumps((r"(?P<step>^go|^(?:a+)+$)", None)).encode(), b"go\n", *[slow] * 200]
    with subprocess.Popen(
        [sys.executable, "-S", "-m", "jobd.supervisor.stepper"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    ) as search:  # fmt: skip
        assert search.stdin is not None
        assert search.stdout is not None
        search.stdin.write(b"".join(PIECE.pack(1.0, len(piece)) + piece for piece in pieces))
        search.stdin.close()
        assert b"ready" in search.stdout.readline()
        assert b"go" in search.stdout.readline(), "it is at it"
        search.stdout.close()
        try:
            search.wait(60)
        finally:
            search.kill()
