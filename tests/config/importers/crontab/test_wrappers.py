"""Wrappers that jobd does the work of become keys; the rest of the command stays what it was."""

import pytest

from jobd.config.importers.crontab.wrappers import locks_in, unwrap
from jobd.config.importers.imported import Keys

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("command", "rest", "keys"),
    [
        ("nice x", "x", {"nice": 10}),
        ("nice -n 5 x y", "x y", {"nice": 5}),
        ("/usr/bin/nice -n15 /bin/x", "/bin/x", {"nice": 15}),
        ("nice -19 x", "x", {"nice": 19}),
        ("nice --adjustment=-5 x", "x", {"nice": -5}),
        ("timeout 3600 x > y", "x > y", {"timeout": "1h"}),
        ("timeout 90m x", "x", {"timeout": "1h30m"}),
        ("timeout -k 5 -s INT 1h x", "x",
         {"timeout": "1h", "kill_after": "5s", "stop_signal": "INT"}),
        ("timeout --kill-after=1m --signal=9 1d x", "x",
         {"timeout": "1d", "kill_after": "1m", "stop_signal": 9}),
        ("flock -n /run/x.lock x -a", "x -a", {"overlap": "skip"}),
        ("flock -xn /run/x.lock x", "x", {"overlap": "skip"}),
        ("chronic x", "x", {}),
        ("flock -n /l timeout 1h nice x 2>&1", "x 2>&1",
         {"overlap": "skip", "timeout": "1h", "nice": 10}),
    ],
)  # fmt: skip
def test_a_wrapper_becomes_a_key(command: str, rest: str, keys: Keys) -> None:
    unwrapped = unwrap(command, NONE)
    assert (unwrapped.command, dict(unwrapped.keys)) == (rest, keys)


@pytest.mark.parametrize(
    ("command", "is_new"), [("timeout 1h x", True), ("timeout -k 5 1h x", False)]
)
def test_a_kill_that_timeout_did_not_send_is_told(command: str, is_new: bool) -> None:
    """timeout without -k lets what ignores TERM go on; jobd never does."""
    (note,) = unwrap(command, NONE).notes
    assert ("killed after 10s" in note) is is_new


def test_the_longest_kill_after_is_carried_over() -> None:
    assert unwrap("timeout -k 1h 2h x", NONE).keys["kill_after"] == "1h"


@pytest.mark.parametrize(
    "command",
    [
        "timeout 1h a && b",  # holds for a alone
        "nice a | b",
        "nice -n 5 a; b",
        "timeout 0 x",  # timeout(1): none
        "timeout 0.5 x",
        "timeout --preserve-status 1h x",
        "timeout -s NOSUCH 1h x",
        "timeout -k 2h 1d x",
        "timeout x",
        "nice -n 99 x",
        "nice -n $N x",
        "flock /l x",  # waits
        "flock -w 5 /l x",
        "flock -n /l -c 'x'",
        "flock -n 9",
        "nice nice-looking 'x",  # never closed
        "nicer x",
        "ionice -c3 x",
    ],
)
def test_what_a_key_would_not_say_stays_in_the_command(command: str) -> None:
    unwrapped = unwrap(command, NONE)
    assert (unwrapped.command, dict(unwrapped.keys)) == (command, {})


def test_a_lock_that_other_jobs_take_stays() -> None:
    """It keeps them apart, which overlap does not."""
    unwrapped = unwrap("nice flock -n /run/db.lock x", frozenset({"/run/db.lock"}))
    assert unwrapped.command == "flock -n /run/db.lock x"
    assert "pool of size 1" in unwrapped.notes[-1]


def test_locks_are_found_behind_options_and_within_lists() -> None:
    assert locks_in("cd / && flock -w 10 -x /run/a x; flock -n /run/b y") == ["/run/a", "/run/b"]
