"""OnCalendar= expressions, drawn at random, and what systemd-analyze(1) says of them."""

import os
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

_DAYS = ("Mon", "tue", "Wednesday", "THU", "fri", "Sat", "Sunday")
_ELAPSE = re.compile(r"(?:Next elapse|Iter\. #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")


def expressions(seed: int, count: int) -> list[str]:
    """Return expressions that systemd takes, without a year and without a time zone."""
    draw = Random(seed)
    return list(dict.fromkeys(_expression(draw) for _ in range(count)))


def _expression(draw: Random) -> str:
    parts = []
    if draw.random() < 0.5:
        parts.append(",".join(_weekdays(draw) for _ in range(draw.randint(1, 2))))
    if draw.random() < 0.5:
        parts.append(f"*-{_chain(draw, 1, 12)}{_day(draw)}")
    time = f"{_chain(draw, 0, 23)}:{_chain(draw, 0, 59)}"
    if draw.random() < 0.25:
        time += f":{draw.choice(['0', '*', '0/15', '5..20/5', '30', '1,2,59'])}"
    return " ".join([*parts, time])


def _weekdays(draw: Random) -> str:
    first, last = sorted((draw.randint(0, 6), draw.randint(0, 6)))
    return _DAYS[first] if first == last else f"{_DAYS[first]}..{_DAYS[last]}"


def _day(draw: Random) -> str:
    if draw.random() < 0.25:
        # Counted from the end. One item only: systemd 252 miscounts what fits after the first.
        return "~" + draw.choice(["1", "7/1", "1..7", "03", "2", "5/2", "1..3"])
    return f"-{_chain(draw, 1, 31)}"


def _chain(draw: Random, low: int, high: int) -> str:
    if draw.random() < 0.4:
        return "*"
    return ",".join(_item(draw, low, high) for _ in range(draw.choice((1, 1, 1, 2, 3))))


def _item(draw: Random, low: int, high: int) -> str:
    start = draw.randint(low, high)
    text, room = str(start), high - start
    if room and draw.random() < 0.3:
        stop = draw.randint(start + 1, high)
        text, room = f"{start}..{stop}", stop - start
    return f"{text}/{draw.randint(1, room)}" if room and draw.random() < 0.3 else text


def analyzed(
    lines: Sequence[str], count: int, after: datetime
) -> list[tuple[datetime, ...] | None]:
    """Return the next fire times of each expression as systemd has them; None if it refuses it."""
    base = after.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    done = subprocess.run(
        [
            "systemd-analyze",
            "calendar",
            f"--iterations={count}",
            f"--base-time={base}",
            "--",
            *lines,
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
    )
    refused = {line for line in lines if f"'{line}'" in done.stderr}
    blocks = iter(re.split(r"\n\n", done.stdout.strip("\n")))
    return [None if line in refused else _times(next(blocks)) for line in lines]


def _times(block: str) -> tuple[datetime, ...]:
    return tuple(
        datetime.fromisoformat(time).replace(tzinfo=UTC) for time in _ELAPSE.findall(block)
    )
