"""Table: both sides in figures, as Markdown that is also aligned for a terminal."""

from collections.abc import Iterator

from deploy.outage.plan import INTERVAL_MIN, MIB, NODE_MIB, NODES
from deploy.outage.record import Record, Side

Row = tuple[str, str, str]


def table(record: Record) -> str:
    """Return the table, without an end of line behind it."""
    rows = list(_rows(record))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [_line([word.ljust(width) for word, width in zip(row, widths, strict=True)])
             for row in rows]  # fmt: skip
    lines.insert(1, _line(["-" * width for width in widths]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(record: Record) -> Iterator[Row]:
    cron, jobd = record.cron, record.jobd
    yield "", "cron", "jobd"
    yield "copies running, at most", str(cron.most_copies), str(jobd.most_copies)
    yield (
        "memory held, at most",
        f"{_mib(cron)} of the {NODE_MIB * len(NODES)} MiB of {len(NODES)} nodes",
        f"{_mib(jobd)} of the {NODE_MIB} MiB budget of a node",
    )
    yield "ticks by fate", _fates(cron), _fates(jobd)
    yield "killed by the kernel, out of memory", str(record.killed), str(jobd.fates["killed"])
    yield "first warning", "never", _minute(record.warning_min, ", by metric")
    yield "… before the first tick that found a run alive", "", _lead(record, record.overload_min)
    yield "… before cron's melt", "", _lead(record, record.melt_min)
    yield "melt", _minute(record.melt_min), "seen" if jobd.fates["killed"] else "never"
    yield (
        "warning of three overlaps in a row",
        "never",
        _minute(record.outlasted_min, ", in the log"),
    )
    yield (
        f"back to normal, after the network healed at minute {record.plan.heals_min:g}",
        _after(record.cron_recovery_min, "one run a node again"),
        _after(record.jobd_recovery_min, f"the next tick starts (interval: {INTERVAL_MIN:g})"),
    )


def _mib(side: Side) -> str:
    return f"{side.most_bytes / MIB:.0f}"


def _fates(side: Side) -> str:
    named = [f"{count} {fate}" for fate, count in side.fates.most_common()]
    return f"{side.fates.total()} = {' + '.join(named)}"


def _minute(at_min: float | None, how: str = "") -> str:
    return "never" if at_min is None else f"minute {at_min:.0f}{how}"


def _lead(record: Record, at_min: float | None) -> str:
    if at_min is None or record.warning_min is None:
        return "—"
    return f"{at_min - record.warning_min:.0f} minutes"


def _after(minutes: float | None, what: str) -> str:
    return "not within the replay" if minutes is None else f"{minutes:.0f} minutes: {what}"
