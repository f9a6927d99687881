"""Ceilings: by what this machine can hold a run's memory, processors, processes and I/O."""

from collections.abc import Iterable, Iterator, Mapping

from jobd.cli.doctor.finding import Finding, ok, warn
from jobd.supervisor.prospect import CONTROLLERS, Prospect, look_around

_DELEGATE = "run jobd by its units, whose supervisor has Delegate=yes, or as root"
_V1_NAMES = {"io": "blkio"}
_UNHELD = {
    "memory": "a watcher ends runs that pass memory_max, a moment late",
    "cpu": "cpu_max and cpu_weight do nothing",
    "pids": "pids_max does nothing",
    "io": "io_weight does nothing",
}


def prospective_findings(has_unit: bool) -> Iterator[Finding]:
    """Yield by what a supervisor that starts here could hold runs. ``has_unit``: the service's
    unit is installed, which delegates a subtree of its own to it."""
    yield from judge_prospect(look_around(), has_unit=has_unit)


def judge_closed() -> Finding:
    """Return that a daemon runs which does not tell us by what it holds runs."""
    words = "by what the daemon that runs holds its runs is not seen from here"
    return warn("process trees", words, "ask as root: sudo jobd doctor")


def judge_enforcement(enforcement: Mapping[str, str]) -> Iterator[Finding]:
    """Yield by what the running daemon's supervisor holds runs, in its own words."""
    if enforcement["tree"].startswith("cgroup"):
        yield ok("process trees", f"by {enforcement['tree']}, says the running daemon")
    else:
        yield warn("process trees", _by_descent("says the running daemon"), _DELEGATE)
    for name in CONTROLLERS:
        means = enforcement[name]
        if means.startswith("cgroup"):
            yield ok(name, f"by {means}")
        else:
            detail = f" ({enforcement['detail']})" if enforcement.get("detail") else ""
            yield warn(name, f"{_UNHELD[name]}{detail}", _DELEGATE)


def judge_prospect(prospect: Prospect, *, has_unit: bool) -> Iterator[Finding]:
    """Yield by what a supervisor could hold runs that started where the doctor did."""
    if has_unit and prospect.offered:
        yield ok("process trees", "by cgroup v2: the supervisor's unit has a subtree of its own")
        given = prospect.offered
    else:
        yield _tree(prospect)
        given = prospect.given
    for name in CONTROLLERS:
        if name in given:
            yield ok(name, "by cgroup v2")
        elif _V1_NAMES.get(name, name) in prospect.v1:
            yield ok(name, "by cgroup v1")
        else:
            yield warn(name, _UNHELD[name], _mend_of(name, prospect))


def _tree(prospect: Prospect) -> Finding:
    if prospect.v2 is not None:
        return ok("process trees", f"by cgroup v2, below {prospect.v2}")
    if prospect.v1:
        return ok("process trees", "by cgroup v1")
    return warn("process trees", _by_descent(_gathered(prospect.refused)), _DELEGATE)


def _gathered(refused: Iterable[str]) -> str:
    """Return refusals, those for one reason together."""
    by_reason: dict[str, list[str]] = {}
    for one in refused:
        who, _, reason = one.rpartition(": ")
        by_reason.setdefault(reason, []).append(who.removeprefix("cgroup v1 "))
    parts = ((", ".join(filter(None, who)), reason) for reason, who in by_reason.items())
    return "; ".join(f"{who}: {reason}" if who else reason for who, reason in parts)


def _mend_of(name: str, prospect: Prospect) -> str:
    if name in prospect.offered or prospect.refused:
        return _DELEGATE
    return f"the kernel gives no {name} controller here; another kernel, or another container"


def _by_descent(why: str) -> str:
    return f"no cgroup ({why}): a run's processes are known by their descent"
