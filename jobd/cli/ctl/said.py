"""What runs say of themselves, as a block of ``status`` and ``show``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jobd.cli.ctl.table import section
from jobd.cli.ctl.wording import NOTHING, when


def said_section(runs: Sequence[dict[str, Any]], now: datetime) -> list[str]:
    """Return a table of the runs that say something; nothing if none does."""
    heads = ("JOB", "STEP", "SINCE", "DONE", "STATUS")
    rows = [_row(run["job"], run["said"], now) for run in runs if run.get("said")]
    return section("WHAT RUNS SAY", heads, rows)


def _row(job: str, said: dict[str, Any], now: datetime) -> tuple[str, ...]:
    progress = said["progress"]
    return (
        job,
        said["step"] or NOTHING,
        when(said["step_since"], now),
        NOTHING if progress is None else f"{progress:.0%}",
        said["status"] or NOTHING,
    )
