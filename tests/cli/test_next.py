"""``jobd next``: the coming ticks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.cli.main import main

CONFIG = """
[daemon]
timezone = "Europe/Berlin"
[defaults]
command = "x"
[jobs.backup]
schedule = "30 2 * * *"
[jobs.poll]
every = "1h"
[jobs.follow]
after = "5m"
[jobs.by-hand]
[jobs.off]
schedule = "* * * * *"
enabled = false
"""

Next = Callable[..., tuple[object, str, str]]


@pytest.fixture
def next_(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Next:
    """Ask for ticks; return exit status, stdout, stderr."""
    path = tmp_path / "jobd.toml"
    path.write_text(CONFIG)

    def run(*arguments: str) -> tuple[object, str, str]:
        where = () if "--schedule" in arguments or "-c" in arguments else ("-c", str(path))
        with pytest.raises(SystemExit) as left:
            main(["next", *arguments, *where])
        return (left.value.code, *capsys.readouterr())

    return run


def test_an_expression_needs_no_configuration(next_: Next) -> None:
    status, out, err = next_(
        "--schedule", "30 2 * * *", "--tz", "Europe/Berlin",
        "--after", "2026-03-28T12:00:00Z", "--count", "2", "--json",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert json.loads(out) == [
        {"job": "", "tick": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00"},
        {"job": "", "tick": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00"},
    ]


def test_the_table_tells_what_the_clock_change_did(next_: Next) -> None:
    status, out, _ = next_(
        "--schedule", "30 2 * * *", "--tz", "Europe/Berlin", "--after", "2026-03-28T12:00Z",
        "--count", "1",
    )  # fmt: skip
    assert status == 0
    heads, row = out.splitlines()
    assert heads.split() == ["LOCAL", "TIME", "UTC", "IN", "NOTE"]
    assert row.startswith("Sun 2026-03-29 03:00:00 CEST  2026-03-29T01:00:00Z")
    assert row.endswith("02:30 does not exist on 2026-03-29; runs right after the gap")


def test_a_tick_at_the_instant_after_which_is_asked_is_not_told(next_: Next) -> None:
    _, out, _ = next_(
        "--schedule", "0 * * * *", "--after", "2026-01-01T00:00:00+00:00", "--count", "1", "--json"
    )
    assert [row["tick"] for row in json.loads(out)] == ["2026-01-01T01:00:00Z"]


def test_a_time_without_an_offset_is_utc(next_: Next) -> None:
    _, out, _ = next_(
        "--schedule", "0 * * * *", "--tz", "Asia/Tokyo", "--after", "2026-01-01T05:30",
        "--count", "1", "--json",
    )  # fmt: skip
    assert [row["tick"] for row in json.loads(out)] == ["2026-01-01T06:00:00Z"]


def test_a_job_is_shown_with_five_ticks(next_: Next) -> None:
    status, out, err = next_("backup", "--json", "--after", "2026-07-01T00:00:00Z")
    assert (status, err) == (0, "")
    rows = json.loads(out)
    assert len(rows) == 5
    assert rows[0] == {
        "job": "backup",
        "tick": "2026-07-01T00:30:00Z",
        "local": "2026-07-01T02:30:00+02:00",
    }


def test_the_ticks_of_several_jobs_come_in_order(next_: Next) -> None:
    _, out, _ = next_("poll", "backup", "--count", "3", "--json")
    rows = json.loads(out)
    assert [row["tick"] for row in rows] == sorted(row["tick"] for row in rows)
    assert sorted(row["job"] for row in rows) == ["backup"] * 3 + ["poll"] * 3


def test_without_a_name_each_job_shows_its_next_tick(next_: Next) -> None:
    status, out, err = next_("--json")
    assert status == 0
    assert sorted(row["job"] for row in json.loads(out)) == ["backup", "poll"]
    assert err.splitlines() == [
        "follow: after 5m the end of its last run",
        "by-hand: has no schedule; it is triggered by hand",
        "off: disabled",
    ]


def test_a_job_without_ticks_leaves_an_empty_list(next_: Next) -> None:
    status, out, _ = next_("by-hand", "--json")
    assert (status, json.loads(out)) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bakup"], 'there is no job "bakup"; did you mean "backup"?'),
        (["zzz"], 'there is no job "zzz"; leave it out to see them all'),
        (["--schedule", "61 * * * *"], '--schedule: "61 * * * *": 61 is no minute; write 0-59'),
        (["--schedule", "0 0 30 2 *"], "it never fires"),
        (["--schedule", "* * * * *", "--tz", "Europe/Berln"], 'write "Europe/Berlin"'),
        (["--schedule", "* * * * *", "backup"], "give jobs, or --schedule, not both"),
        (["--tz", "UTC"], "--tz belongs to --schedule"),
        (["--schedule", "* * * * *", "--after", "yesterday"], '"yesterday" is no instant; write'),
        (["--schedule", "* * * * *", "--after", "9999-12-31"], "is out of range; write a year"),
        (["--schedule", "* * * * *", "--count", "0"], "0 is not in the range 1<=x<=100000"),
        (["--schedule", "* * * * *", "--count", "many"], "'many' is not a valid integer"),
        (["--colour"], "No such option"),
    ],
)
def test_what_cannot_be_answered_is_64_with_the_reason(
    next_: Next, arguments: list[str], said: str
) -> None:
    status, out, err = next_(*arguments)
    assert (status, out) == (64, "")
    assert said in err


def test_a_bad_configuration_is_78(next_: Next, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[jobs.a]")
    status, out, err = next_("-c", str(bad))
    assert (status, out) == (78, "")
    assert "jobs.a.command: is missing" in err
