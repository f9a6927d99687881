"""Program: the Exec…= and Condition…= of a service -> ``command``."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from jobd.config.importers.systemd.draft import Draft
from jobd.config.importers.systemd.environment import Environment
from jobd.config.importers.systemd.execution import CommandLine, command_lines, with_values
from jobd.config.importers.systemd.script import Program, command_keys
from jobd.config.importers.systemd.specifiers import resolve
from jobd.config.importers.systemd.syntax import Assignment, Unreadable
from jobd.config.importers.systemd.unit import Unit
from jobd.config.kinds import signal_number

_IO_CLASSES = {"none": "0", "realtime": "1", "best-effort": "2", "idle": "3"}
_CPU_POLICIES = {"batch": "--batch", "idle": "--idle", "fifo": "--fifo", "rr": "--rr"}
# On servers it always holds, and would make a script of most services of a distribution.
_ON_MAINS = {("ConditionACPower", word) for word in ("true", "yes", "1", "on")}
_IN_EVERY_SHELL = {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2"}
_KEEP = "keep the service: --keep-services"


def carry_program(unit: Unit, environment: Environment, is_oneshot: bool, draft: Draft) -> None:
    """Set ``command``, and ``shell`` where it takes a script; neither if nothing is executed."""
    program = Program(
        start=_lines(unit, "ExecStart", environment, draft),
        conditions=_judged(unit, "Condition", draft),
        asserts=_judged(unit, "Assert", draft),
        exec_conditions=_lines(unit, "ExecCondition", environment, draft),
        before=_lines(unit, "ExecStartPre", environment, draft),
        after=_after(unit, environment, is_oneshot, draft),
        stop=_lines(unit, "ExecStop", environment, draft),
        cleanup=_lines(unit, "ExecStopPost", environment, draft),
        stops_always=not is_oneshot,
        scheduling=tuple(_scheduling(unit, draft)),
        stop_signal=_for_trap(str(draft.keys.get("stop_signal", "TERM"))),
        files=environment.read_by_script,
    )
    if program.start:
        draft.keys |= command_keys(_as_accounts(program, draft))


def _for_trap(name: str) -> str:
    """Return the signal as every /bin/sh knows it: dash ends at a name that is new to it."""
    return name if name in _IN_EVERY_SHELL else str(signal_number(name))


def _lines(unit: Unit, key: str, environment: Environment, draft: Draft) -> tuple[CommandLine, ...]:
    found: list[CommandLine] = []
    for one in unit.take_all("Service", key):
        try:
            lines = command_lines(one, unit.name)
            known, is_open, passed = environment.known, environment.is_open, environment.passed
            found += (with_values(line, known, is_open, passed) for line in lines)
        except Unreadable as error:
            draft.hold_back(one, f"cannot be read: {error}", "mend it; systemd refuses it too")
    for line in found:
        _check(line, draft)
    return tuple(found)


def _check(line: CommandLine, draft: Draft) -> None:
    if line.unresolved:
        names = " ".join(dict.fromkeys(line.unresolved))
        what = f"holds {names}, which only systemd resolves"
        draft.hold_back(line.source, what, "write what it stands for")
    if names := " ".join(f"${name}" for name in line.only_systemd_s):
        mend = "set it in env, or write what it stands for"
        draft.hold_back(line.source, f"holds {names}, which only systemd sets", mend)
    if line.argv0 and PurePosixPath(line.argv0).name != PurePosixPath(line.texts[0]).name:
        what = "gives the program another name (@), which a job cannot"
        draft.tell(line.source, what, "run it through bash -c 'exec -a NAME …'")


def _after(
    unit: Unit, environment: Environment, is_oneshot: bool, draft: Draft
) -> tuple[CommandLine, ...]:
    lines = _lines(unit, "ExecStartPost", environment, draft)
    if is_oneshot:
        return lines
    for one in dict.fromkeys(line.source for line in lines):
        what = "runs beside the service's own command, for which a job has no place"
        draft.tell(one, what, f"put it into the command, or {_KEEP}")
    return ()


def _judged(unit: Unit, prefix: str, draft: Draft) -> tuple[str, ...]:
    """Return Condition…= or Assert…= as systemd-analyze(1) takes them."""
    keys = {
        one.key for one in unit.assignments if one.section == "Unit" and one.key.startswith(prefix)
    }
    found = []
    for one in unit.take_all("Unit", *keys):
        value, unresolved = resolve(one.value, unit.name)
        if (one.key, value) in _ON_MAINS:
            mend = "test it in the command, on a machine that has a battery"
            draft.tell(one, "is not looked at: the job runs on battery, too", mend)
        elif unresolved:
            names = " ".join(dict.fromkeys(unresolved))
            draft.hold_back(one, f"holds {names}, which only systemd resolves", "test it yourself")
        else:
            found.append(f"{one.key}={value}")
    return tuple(found)


def _scheduling(unit: Unit, draft: Draft) -> Iterator[tuple[str, ...]]:
    """Yield the commands of util-linux that set what jobd has no key for."""
    io_class = unit.take("Service", "IOSchedulingClass")
    io_level = unit.take("Service", "IOSchedulingPriority")
    yield from _io_scheduling(io_class, io_level, draft)
    policy = unit.take("Service", "CPUSchedulingPolicy")
    level = unit.take("Service", "CPUSchedulingPriority")
    if policy is None or policy.value == "other":
        return
    if policy.value not in _CPU_POLICIES:
        draft.tell(policy, "is no policy", "write batch or idle; systemd passes over it")
        return
    is_real_time = policy.value in ("fifo", "rr")
    number = level.value if level and level.value.isdecimal() else "1"
    yield "chrt", _CPU_POLICIES[policy.value], number if is_real_time else "0"


def _io_scheduling(
    io_class: Assignment | None, io_level: Assignment | None, draft: Draft
) -> Iterator[tuple[str, ...]]:
    named = io_class.value if io_class else "best-effort" if io_level else "none"
    number = _IO_CLASSES.get(named, named)
    if number not in _IO_CLASSES.values():
        assert io_class is not None
        draft.tell(io_class, "is no class", "write best-effort or idle; systemd passes over it")
    elif number in ("1", "2"):
        level = io_level.value if io_level and io_level.value in "01234567" else "4"
        yield "ionice", "-c", number, "-n", level
    elif number == "3":
        yield "ionice", "-c", "3"


def _as_accounts(program: Program, draft: Draft) -> Program:
    """Return the program of a job that runs as root, if some of its commands have to."""
    lines = tuple(program.lines())
    privileged = [line for line in lines if line.is_privileged]
    user = draft.keys.get("user")
    if not privileged or user in (None, "root", "0"):
        return program
    for one in dict.fromkeys(line.source for line in privileged):
        what = "runs as root, so this job does, and hands its other commands to runuser(1)"
        draft.tell(one, what, "make a job of its own of it, if that will do")
    group = draft.keys.pop("group", None)
    del draft.keys["user"]
    if len(privileged) == len(lines):
        return program
    named = ("-g", str(group)) if group else ()
    return replace(program, account=("runuser", "-u", str(user), *named, "--"))


def sources(unit: Unit, keys: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of these keys, as they stand, for the comment above a job."""
    return tuple(str(one) for one in unit.assignments if one.key in keys and one.value)
