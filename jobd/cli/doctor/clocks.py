"""Clocks: whether this machine's is right, as far as the kernel and the store know."""

from collections.abc import Iterator
from datetime import timedelta

from jobd.cli.doctor.finding import Finding, ok, warn
from jobd.clock import is_synchronised

LARGEST_OFFSET = timedelta(seconds=1)
_STEER = "start chrony or systemd-timesyncd"


def clock_findings() -> Iterator[Finding]:
    """Yield whether somebody steers this machine's clock."""
    yield judge_steering(is_synchronised())


def judge_steering(is_steered: bool | None) -> Finding:
    """Return whether the wall clock is synchronised; None: nobody can say."""
    if is_steered is None:
        return warn("wall clock", "the kernel does not say whether it is synchronised", _STEER)
    if not is_steered:
        words = "nobody synchronises it, says the kernel: schedules drift with it"
        return warn("wall clock", words, f"{_STEER}; in a virtual machine the host may do it")
    return ok("wall clock", "synchronised")


def judge_offset(offset: timedelta, doubt: timedelta) -> Finding:
    """Return by how much the store's clock is ahead, give or take ``doubt``."""
    ahead = "ahead of" if offset > timedelta(0) else "behind"
    size, most = abs(offset).total_seconds(), doubt.total_seconds()
    words = f"the store's is {size * 1000:,.0f} ms {ahead} this machine's (±{most * 1000:,.0f} ms)"
    if abs(offset) - doubt > LARGEST_OFFSET:
        return warn("store's clock", f"{words}; jobs follow the store's", f"{_STEER} on both")
    return ok("store's clock", words)
