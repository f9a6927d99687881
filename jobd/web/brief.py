"""Brief: durations and sizes as a terminal has room for them, and as the configuration writes
them."""

from jobd.core.amounts import size_words

NOTHING = "-"
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def roughly(total_s: float) -> str:
    """Return a duration by its largest unit, two of them from an hour on: ``4m``, ``2h 5m``."""
    rest, parts = int(total_s), []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[: 2 if total_s >= 3600 else 1]) or "0s"


def duration(total_s: float | None) -> str:
    """Return an exact enough duration: ``<1ms``, ``120ms``, ``3.2s``, ``4m 5s``, ``1d``."""
    if total_s is None:
        return NOTHING
    if 0 < total_s < 0.001:
        return "<1ms"
    if total_s < 1:
        return f"{total_s * 1000:.0f}ms" if total_s else "0s"
    if total_s < 60:
        return f"{total_s:.1f}".removesuffix(".0") + "s"
    rest, parts = round(total_s), []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def size(count: int | None) -> str:
    """Return bytes in powers of 1024, as the configuration writes them: ``512M``."""
    return NOTHING if count is None else size_words(count)
