"""Row: what a job's lines of metrics are made from."""

from dataclasses import dataclass
from datetime import datetime

from jobd.core.view import JobView
from jobd.telemetry.series import JobSeries


@dataclass(frozen=True, slots=True)
class Row:
    """One job at the moment of rendering."""

    label: str  # its name, escaped
    series: JobSeries
    view: JobView
    now: datetime


def escape(text: str) -> str:
    """Return ``text`` fit to stand between the quotes of a label."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
