"""What the keys of one job mean together. Each rule takes a draft and yields its complaints."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jobd.config.draft import Draft
from jobd.config.findings import Findings
from jobd.config.locate import KeyPath
from jobd.config.units import format_duration, format_size
from jobd.core.job import Overlap


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with which keys; the first of them that the job wrote is the one shown."""

    keys: tuple[str, ...]
    message: str
    mend: str
    inside: KeyPath = ()  # below the key
    given: object = None  # the value, where it is shown


def check_rules(draft: Draft, findings: Findings) -> None:
    """Note what a job's keys, or those of [defaults], cannot mean together.

    A job is not blamed for what only [defaults] say: it was noted there.
    """
    _check_command(draft, findings)
    for rule in _RULES:
        for complaint in rule(draft):
            complain(draft, complaint, findings)


def complain(draft: Draft, complaint: Complaint, findings: Findings) -> None:
    """Note a complaint about keys of which the job, or [defaults], wrote one itself."""
    written = [key for key in complaint.keys if key in draft.own]
    if written:
        path = (*draft.path, written[0], *complaint.inside)
        findings.error(draft.source, path, complaint.message, complaint.mend, complaint.given)


def _check_command(draft: Draft, findings: Findings) -> None:
    if not draft.has("command") and not draft.is_defaults:
        mend = 'write command = ["/path/to/program"]'
        findings.error(draft.source, (*draft.path, "command"), "is missing", mend)


def _one_kind_of_schedule(draft: Draft) -> Iterator[Complaint]:
    kinds = [kind for kind in ("schedule", "every", "after") if kind in draft.own]
    if len(kinds) > 1:
        names = " and ".join(kinds)
        yield Complaint(tuple(kinds[1:]), f"stands beside {kinds[0]}: {names}", "write one of them")


def _shell_takes_text(draft: Draft) -> Iterator[Complaint]:
    if draft.table.shell and isinstance(draft.table.command, tuple):
        mend = "write command as one text, or leave shell out"
        yield Complaint(("shell", "command"), "needs a command that is one text", mend)


def _text_splits(draft: Draft) -> Iterator[Complaint]:
    command = draft.table.command
    if isinstance(command, str) and not draft.table.shell:
        try:
            parts = shlex.split(command)
        except ValueError as error:
            reason = str(error)[:1].lower() + str(error)[1:]
            yield Complaint(("command",), f"cannot be split: {reason}", "close it, or write a list")
        else:
            if not parts or not parts[0]:
                yield Complaint(("command",), "names no program", "write what to execute")


def _allow_is_bounded(draft: Draft) -> Iterator[Complaint]:
    if draft.is_wrong("overlap"):
        return
    is_allowed = draft.table.overlap is Overlap.ALLOW
    if is_allowed and not draft.has("max_instances"):
        yield Complaint(("overlap",), '"allow" needs a bound', "write max_instances = 2 beside it")
    if draft.has("max_instances") and not is_allowed and not draft.is_defaults:
        mend = 'write overlap = "allow" beside it, or leave it out'
        yield Complaint(("max_instances", "overlap"), 'needs overlap = "allow"', mend)


def _high_below_max(draft: Draft) -> Iterator[Complaint]:
    high, ceiling = draft.table.memory_high, draft.table.memory_max
    if high is not None and ceiling is not None and high > ceiling:
        message = f"of {format_size(high)} is above memory_max of {format_size(ceiling)}"
        mend = f'write memory_high = "{format_size(ceiling)}" or less'
        yield Complaint(("memory_high", "memory_max"), message, mend)


def _delays_grow(draft: Draft) -> Iterator[Complaint]:
    retries = draft.table.retries
    is_bounded = "max_delay" in retries.model_fields_set
    if is_bounded and retries.max_delay < retries.delay:
        mend = f'write max_delay = "{format_duration(retries.delay)}" or more'
        yield Complaint(("retries",), "is shorter than delay", mend, ("max_delay",))


def _jitter_has_room(draft: Draft) -> Iterator[Complaint]:
    every = draft.table.every
    if not draft.table.jitter:
        return
    if draft.table.after is not None and not draft.is_defaults:
        mend = "leave it out, or write every in place of after"
        yield Complaint(("jitter",), "means nothing beside after, which has no fixed time", mend)
    elif every is not None and draft.table.jitter > every:
        mend = f'write at most "{format_duration(every)}"'
        yield Complaint(("jitter",), "is longer than every", mend)


def _defaults_fit_patterns(draft: Draft) -> Iterator[Complaint]:
    for name, param in draft.table.params.items():
        if param.pattern is None or param.default is None:
            continue
        if re.fullmatch(param.pattern, param.default) is None:
            mend = "mend one of the two"
            inside = (name, "default")
            yield Complaint(("params",), "does not match the whole pattern", mend, inside)


_RULES: tuple[Callable[[Draft], Iterator[Complaint]], ...] = (
    _one_kind_of_schedule,
    _shell_takes_text,
    _text_splits,
    _allow_is_bounded,
    _high_below_max,
    _delays_grow,
    _jitter_has_room,
    _defaults_fit_patterns,
)
