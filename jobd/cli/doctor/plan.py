"""Plan: which looks the doctor takes, in the order in which they are told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobd.cli.doctor import (
    accounts,
    ceilings,
    clocks,
    daemon,
    jobs,
    machine,
    pressure,
    service,
    state_dir,
    store,
)
from jobd.cli.doctor.check import WITHIN_S, Check, examine
from jobd.cli.doctor.finding import Finding, fail, ok, warn
from jobd.config.load import load
from jobd.config.model import Config
from jobd.config.problem import ConfigErrors
from jobd.core.amounts import counted
from jobd.ports import Clock

_SHOWN = 3


@dataclass(slots=True)
class Background:
    """What the other looks depend on; None where it could not be had."""

    config: Config | None = None
    contact: daemon.Contact = field(default_factory=lambda: daemon.Contact(daemon.Line.NONE))


def diagnose(
    path: Path, clock: Clock, within_s: float = WITHIN_S
) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield section after section: first what the rest needs to know, then all else at once."""
    known = Background()
    first = [Check("configuration", "files", lambda: _read(path, known))]
    yield from examine(first, clock, within_s)
    checks = list(_of_machine(known))
    if (config := known.config) is not None:
        socket = config.daemon.socket
        yield from examine(
            [Check("daemon", "daemon", lambda: _reach(socket, known))], clock, within_s
        )
        checks = [*_of_config(config, known.contact, clock), *checks]
    yield from examine(checks, clock, within_s)


def judge_configuration(path: Path, config: Config) -> Iterator[Finding]:
    """Yield that a configuration can be read, and how many warnings a check of it has."""
    files, jobs_ = counted(len(config.files), "file"), counted(len(config.jobs), "job")
    yield ok("files", f"{path}: {files}, {jobs_}")
    if config.warnings:
        words = f"{len(config.warnings):,} of jobd check"
        yield warn("warnings", words, f"read them: jobd check -c {path}")


def judge_refusal(path: Path, errors: ConfigErrors) -> Iterator[Finding]:
    """Yield why a configuration is refused."""
    for problem in errors.problems[:_SHOWN]:
        words = " ".join(
            p for p in (problem.key and f"{problem.key}:", problem.given, problem.message) if p
        )
        yield fail("files", f"{problem.place}: {words}", problem.mend)
    rest = len(errors.problems) - _SHOWN
    if rest > 0:
        yield fail("files", f"{rest:,} errors more", f"see them all: jobd check -c {path}")
    words = "what depends on the configuration: state directory, store, socket, jobs"
    yield warn("not looked at", words, "mend the configuration, and ask again")


def _read(path: Path, known: Background) -> Iterable[Finding]:
    try:
        known.config = load(path)
    except ConfigErrors as errors:
        return list(judge_refusal(path, errors))
    return list(judge_configuration(path, known.config))


def _reach(socket: Path, known: Background) -> Iterable[Finding]:
    known.contact = daemon.reach(socket)
    return [daemon.judge_daemon(known.contact)]


def _of_config(config: Config, contact: daemon.Contact, clock: Clock) -> Iterator[Check]:
    own, every = config.daemon, list(config.jobs.values())
    runs = contact.is_running
    yield Check("daemon", "socket", lambda: daemon.socket_findings(own.socket, contact))
    yield Check("daemon", "http", lambda: daemon.http_findings(own.http, contact))
    yield Check(
        "state directory", "directory",
        lambda: state_dir.state_findings(own.state_dir, clock, has_daemon=runs),
    )  # fmt: skip
    yield Check("store", "own file", lambda: store.own_file_findings(config))
    if config.store.is_shared:
        yield Check("store", "reachable", lambda: store.shared_findings(config, clock))
    yield Check("users", "users", lambda: accounts.account_findings(every, has_daemon=runs))
    yield Check("jobs", "jobs", lambda: jobs.job_findings(every))
    yield Check("limits", "memory", lambda: machine.memory_findings(config.limits))
    yield Check("limits", "open files", lambda: machine.limit_findings(config.limits))
    yield Check("pressure", "pressure", lambda: pressure.pressure_findings(config.limits))


def _of_machine(known: Background) -> Iterator[Check]:
    yield Check("ceilings", "cgroup", lambda: _ceilings(known.contact))
    yield Check("service", "systemd", service.service_findings)
    yield Check("clock", "wall clock", clocks.clock_findings)
    yield Check("machine", "versions", machine.versions)


def _ceilings(contact: daemon.Contact) -> Iterator[Finding]:
    enforcement = {} if contact.status is None else contact.status.get("enforcement", {})
    if enforcement:
        return ceilings.judge_enforcement(enforcement)
    if contact.line is daemon.Line.CLOSED:
        return iter([ceilings.judge_closed()])
    has_unit = service.is_booted() and service.has_unit(service.units())
    return ceilings.prospective_findings(has_unit)
