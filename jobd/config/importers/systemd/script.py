"""Script: a service's commands in their order -> one argument list, or one shell script.

The script keeps what systemd promises: a command that fails ends the rest, "-" forgives it,
conditions that do not hold end the run without a failure, ExecStopPost= runs in any case.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobd.config.importers.imported import Value
from jobd.config.importers.systemd.environment import EnvironmentFile
from jobd.config.importers.systemd.execution import CommandLine

# An exit status above it says that a signal ended the condition: that is a failure.
_LAST_NO = 128


@dataclass(frozen=True, slots=True)
class Program:
    """What a service executes.

    ``conditions`` and ``asserts`` are whole assignments, judged by systemd-analyze(1).
    ``scheduling``: commands such as ("ionice", "-c", "3"), to be put before the program.
    ``account``: in front of lines that do not run as root, where others do.
    """

    start: tuple[CommandLine, ...]
    conditions: tuple[str, ...] = ()
    asserts: tuple[str, ...] = ()
    exec_conditions: tuple[CommandLine, ...] = ()
    before: tuple[CommandLine, ...] = ()
    after: tuple[CommandLine, ...] = ()
    stop: tuple[CommandLine, ...] = ()
    cleanup: tuple[CommandLine, ...] = ()
    stops_always: bool = False  # ExecStop= also after a failure
    scheduling: tuple[tuple[str, ...], ...] = ()
    account: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    files: tuple[EnvironmentFile, ...] = ()

    def lines(self) -> Iterator[CommandLine]:
        """Yield all commands in the order in which they run."""
        yield from (*self.exec_conditions, *self.before, *self.start, *self.after)
        yield from (*self.stop, *self.cleanup)

    @property
    def is_plain(self) -> bool:
        """Whether it is one program with its arguments, and nothing else."""
        if self.conditions or self.asserts or self.account or self.files:
            return False
        first, *others = self.lines()
        return not others and not first.may_fail and not first.has_variables


def command_keys(program: Program) -> dict[str, Value]:
    """Return ``command``, and ``shell`` where a script is needed."""
    if program.is_plain:
        front = [word for words in program.scheduling for word in words]
        return {"command": [*front, *program.start[0].texts]}
    lines = _script(program)
    return {"command": lines[0] if len(lines) == 1 else "\n".join(lines) + "\n", "shell": True}


def _script(program: Program) -> list[str]:
    lines = [_setting(words) for words in program.scheduling]
    if any(line.has_variables for line in program.lines()):
        lines.append("set -f")  # the words of $X are arguments, not patterns of files
    lines += _judged(program.conditions, "exit 0") + _judged(program.asserts, "exit 1")
    lines += _read(program.files)
    if program.stop or program.cleanup:
        return lines + _with_cleanup(program)
    return lines + _body(program)


def _setting(words: Sequence[str]) -> str:
    """Return the command as one about the shell itself, which hands it on to what it starts."""
    if words[0] == "chrt":
        return f"{shlex.join(words[:-1])} -p {words[-1]} $$"
    return f"{shlex.join(words)} -p $$"


def _judged(assignments: Sequence[str], otherwise: str) -> list[str]:
    if not assignments:
        return []
    return [f"systemd-analyze condition {shlex.join(assignments)} >/dev/null 2>&1 || {otherwise}"]


def _read(files: Sequence[EnvironmentFile]) -> list[str]:
    return [_read_file(file) for file in files]


def _read_file(file: EnvironmentFile) -> str:
    path = shlex.quote(file.path)
    unless = f"[ ! -e {path} ] || " if file.is_optional else ""
    return f"set -a; {unless}. {path}; set +a"


def _body(program: Program) -> list[str]:
    lines = [_condition(line, program) for line in program.exec_conditions]
    lines += [_step(line, program) for line in program.before]
    if lines:
        lines += _read(program.files)  # again, as systemd does: those before may have written it
    lines += [_step(line, program) for line in (*program.start, *program.after)]
    last = (*program.start, *program.after)[-1]
    if last.may_fail:
        return [*lines, "exit 0"]
    return [*lines[:-1], f"exec {_told(last, program)}"]


def _with_cleanup(program: Program) -> list[str]:
    """Return the body in a shell of its own, so that what comes after it comes in any case.

    The trap lets the outer shell outlive the signal that stops the job, and clean up.
    """
    unless = "" if program.stops_always else '[ "$status" -ne 0 ] || '
    return [
        f"trap : {program.stop_signal}",
        "(",
        *_body(program),
        ")",
        "status=$?",
        *(f"{unless}{_told(line, program)}" for line in program.stop),
        *(_told(line, program) for line in program.cleanup),
        'exit "$status"',
    ]


def _condition(line: CommandLine, program: Program) -> str:
    told = _told(line, program)
    return f'{told} || {{ no=$?; [ "$no" -gt {_LAST_NO} ] || exit 0; exit "$no"; }}'


def _step(line: CommandLine, program: Program) -> str:
    return _told(line, program) + ("" if line.may_fail else " || exit")


def _told(line: CommandLine, program: Program) -> str:
    if program.account and not line.is_privileged:
        return f"{shlex.join(program.account)} {line.in_shell()}"
    return line.in_shell()
