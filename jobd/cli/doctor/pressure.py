"""Pressure: whether the kernel tells of what the configuration sets limits for."""

from collections.abc import Iterator

from jobd.cli.doctor.finding import Finding, ok, warn
from jobd.config.model import NodeLimits
from jobd.daemon.gauge import FILES, PRESSURE, some_avg10

_MEND = "boot with psi=1, or with a kernel that has CONFIG_PSI (4.20 and later)"


def pressure_findings(limits: NodeLimits) -> Iterator[Finding]:
    """Yield for each limit whether its pressure can be read, and stands below it now."""
    for strain, name in FILES.items():
        limit = limits.pressure.get(strain)
        if limit is not None:
            yield judge_pressure(name, some_avg10(PRESSURE / name), limit)


def judge_pressure(name: str, share: float | None, limit: float) -> Finding:
    """Return whether a limit on a pressure, both in percent, has anything to go by."""
    if share is None:
        words = f"the kernel does not tell it: limits.pressure.{name} does nothing"
        return warn(name, words, _MEND)
    if share > limit:
        words = f"{share:g}% now, above its limit of {limit:g}%: nothing new starts"
        return warn(name, words, "find out what loads the node: jobd ctl status, top")
    return ok(name, f"{share:g}% now, limit {limit:g}%")
