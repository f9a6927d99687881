"""Fitting: whether jobd takes a value, and durations and sizes as it reads them, exactly."""

from datetime import timedelta
from pathlib import Path

from jobd.config.findings import Findings
from jobd.config.importers.imported import Value
from jobd.config.judge import judge_table
from jobd.config.schema import JobTable
from jobd.config.source import Source
from jobd.config.units import format_duration

_SOURCE = Source(str(Path("/imported.toml")), "", {})
_UNITS = (("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


def refused(key: str, value: Value) -> str:
    """Return what jobd wants in place of the value of a job's key; "" if it takes it."""
    findings = Findings()
    judge_table(JobTable, {key: value}, _SOURCE, (), findings)
    return findings.errors[0].mend if findings.errors else ""


def duration_text(duration: timedelta) -> str:
    """Return a duration as jobd reads it, exactly."""
    if not duration % timedelta(seconds=1):
        return format_duration(duration)
    return f"{duration / timedelta(seconds=1):.6f}".rstrip("0") + "s"


def size_text(size_bytes: int) -> str:
    """Return a size as jobd reads it, exactly."""
    for unit, factor in _UNITS:
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return str(size_bytes)
