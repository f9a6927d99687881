"""Importer: timers and what they start -> jobs and findings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobd.config.importers.imported import Finding, Import, ImportedJob, Names, Value
from jobd.config.importers.systemd.draft import Draft, shown, truth
from jobd.config.importers.systemd.folder import Folders, Masked, NoFile
from jobd.config.importers.systemd.program import sources
from jobd.config.importers.systemd.service import carry_service, tell_the_rest
from jobd.config.importers.systemd.specifiers import UnitName, resolve
from jobd.config.importers.systemd.timer import When, catch_up, schedules
from jobd.config.importers.systemd.unit import Unit

# As config/reference.toml has them.
_ORDER = (
    "description", "command", "shell", "enabled", "schedule", "every", "after", "timezone", "dst",
    "jitter", "jitter_mode", "catchup", "catchup_window", "timeout", "watchdog", "stop_signal",
    "kill_after", "memory_max", "memory_high", "cpu_max", "cpu_weight", "io_weight", "pids_max",
    "nice", "oom_score_adj", "success_exit_codes", "retries", "on_failure", "on_success", "user",
    "group", "cwd", "umask", "env", "env_file", "stdin",
)  # fmt: skip
_OF_THE_SCHEDULE = {
    "OnCalendar", "OnUnitActiveSec", "OnUnitInactiveSec", "OnBootSec", "OnStartupSec",
    "OnActiveSec",
}  # fmt: skip
_BY_HAND = "It has no schedule that a job could have, and is only triggered by hand."
_OVERLAP = (
    "A timer that elapses while its service runs starts it once more as soon as that ends; a job"
    ' skips the tick. Write overlap = "queue" where the run is wanted.'
)
_CLUSTER = (
    "A timer runs on every machine that has it. With a store that nodes share a job runs on one of"
    ' them at each tick: write scope = "node" where each machine needs its own run.'
)


@dataclass(slots=True)
class _Importing:
    """One import. ``keeps_services``: systemd goes on executing them, jobd only says when."""

    folders: Folders
    zone: str
    keeps_services: bool
    names: Names = field(default_factory=Names)

    def of_timer(self, name: UnitName) -> tuple[list[ImportedJob], list[Finding]]:
        """Return the jobs of one timer, and all that is to be said about it."""
        unit = self.folders.read(name)
        if not isinstance(unit, Unit):
            return [], [_about_absent(name, unit)]
        if name.instance == "":
            return [], [_about_template(unit)]
        draft = Draft()
        whens = schedules(unit, self.zone, draft)
        caught_up = catch_up(unit, draft)
        _tell_of_timer(unit, draft)
        draft.keys["description"] = _description(unit)
        about = [unit, *self._carry_target(unit, draft)]
        tell_the_rest(unit, draft)
        findings = sorted([*_strays(about), *draft.findings], key=_place(about))
        if "command" not in draft.keys:
            return [], findings
        return list(self._jobs(name, whens, caught_up, draft, _sources(about))), findings

    def _carry_target(self, timer: Unit, draft: Draft) -> list[Unit]:
        """Carry over what the timer starts; return it, if it was read."""
        written = timer.take("Timer", "Unit")
        text = resolve(written.value, timer.name)[0] if written else ""
        target = UnitName.of(text) if text else timer.name.with_kind("service")
        unit = self.folders.read(target)
        service = unit if isinstance(unit, Unit) and target.kind == "service" else None
        if self.keeps_services:
            _keep(target, service, draft)
        elif service is not None:
            draft.keys["description"] = _description(service) or draft.keys["description"]
            carry_service(service, draft)
            _require_command(service, draft)
        else:
            draft.findings.append(_about_target(timer, target, unit))
        return [service] if service is not None else []

    def _jobs(
        self,
        name: UnitName,
        whens: Sequence[When],
        caught_up: Mapping[str, Value],
        draft: Draft,
        source: tuple[str, ...],
    ) -> Iterator[ImportedJob]:
        for when in whens or (When({}, None),):
            keys = {**draft.keys, **when.keys}
            if when.keys.keys() & {"schedule", "every"}:
                keys |= caught_up if "schedule" in keys else {"catchup": "none"}
            if not draft.is_safe:
                keys["enabled"] = False
            notes = (*draft.notes, *(() if when.keys else (_BY_HAND,)))
            ordered = {key: keys[key] for key in _ORDER if keys.get(key) not in (None, "")}
            yield ImportedJob(self.names.take(name.stem), ordered, source, notes)


def import_timers(
    folders: Folders, timers: Sequence[str], *, zone: str, keeps_services: bool = False
) -> Import:
    """Return the jobs that do what these timers do, and what jobs cannot do of it.

    ``zone``: where OnCalendar= names none. ``NotImportable`` if a unit cannot be read.
    """
    importing = _Importing(folders, zone, keeps_services)
    jobs: list[ImportedJob] = []
    findings: list[Finding] = []
    disabled: list[str] = []
    for timer in timers:
        made, said = importing.of_timer(UnitName.of(timer))
        jobs += made
        findings += said
        disabled += [timer] if made else []
    return Import(tuple(jobs), tuple(findings), _head(disabled) if disabled else ())


def _head(timers: Sequence[str]) -> tuple[str, ...]:
    disable = (
        f"The timers fire as well until they are off: systemctl disable --now {' '.join(timers)}"
    )
    return "Imported from systemd's timers.", disable, _OVERLAP, _CLUSTER


def _keep(target: UnitName, service: Unit | None, draft: Draft) -> None:
    waits = target.kind == "service"
    if service is not None and truth(service.take("Service", "RemainAfterExit"), Draft()):
        waits = False  # it would for ever
    draft.keys["command"] = ["systemctl", "start", *(["--wait"] if waits else []), str(target)]
    draft.notes.append(
        "systemd executes it, within its own limits. jobd knows when it runs and whether it"
        " failed; its output is in the journal, and to stop the job does not stop it."
    )


def _require_command(service: Unit, draft: Draft) -> None:
    if "command" not in draft.keys:
        what = "has no ExecStart= that can be read, so there is no job"
        draft.findings.append(Finding(service.file, None, what, "write the job yourself"))


def _tell_of_timer(unit: Unit, draft: Draft) -> None:
    for key in ("WakeSystem", "OnClockChange", "OnTimezoneChange"):
        one = unit.take("Timer", key)
        if one is not None and truth(one, draft):
            draft.tell(one, "has no equivalent", "keep the timer for that")
    conditions = [
        one for one in unit.assignments if one.key.startswith(("Condition", "Assert")) and one.value
    ]
    unit.pass_over("Unit", {one.key for one in conditions})
    if conditions:
        names = ", ".join(dict.fromkeys(shown(one) for one in conditions))
        mend = "leave the job out where that does not hold"
        draft.tell_of(conditions[0], f"the timer is only started with {names}", mend)


def _place(units: Sequence[Unit]) -> Callable[[Finding], tuple[int, str, int]]:
    files = [unit.file for unit in units]

    def place(finding: Finding) -> tuple[int, str, int]:
        """Return where it stands: the timer before the service, both before their drop-ins."""
        known = files.index(finding.file) if finding.file in files else len(files)
        return known, finding.file, finding.line or 0

    return place


def _about_absent(name: UnitName, unit: Masked | NoFile | None) -> Finding:
    if unit is None:
        return Finding(str(name), None, "its file is in none of the folders", "name its folder too")
    if isinstance(unit, NoFile):
        return Finding(unit.file, None, "is no file, so there is no job", "")
    return Finding(unit.file, None, "is masked, so there is no job", "")


def _about_template(unit: Unit) -> Finding:
    default = unit.text("Install", "DefaultInstance", "INSTANCE")
    instance = unit.file.replace("@.", f"@{default}.")
    mend = f"name one: jobd import systemd {instance}"
    return Finding(unit.file, None, "is a template without an instance, so there is no job", mend)


def _about_target(timer: Unit, target: UnitName, unit: Unit | Masked | NoFile | None) -> Finding:
    if isinstance(unit, Masked | NoFile):
        which = "masked" if isinstance(unit, Masked) else "no file"
        what, mend = f"starts {target}, which is {which}", ""
    elif target.kind != "service":
        what, mend = (
            f"starts {target}, which is no service",
            "use --keep-services, or keep the timer",
        )
    else:
        what = f"starts {target}, which is in none of the folders"
        mend = "name its folder as well, or use --keep-services"
    return Finding(timer.file, None, what, mend)


def _strays(units: Sequence[Unit]) -> Iterator[Finding]:
    for unit in units:
        for stray in unit.strays:
            yield Finding(stray.file, stray.line, f"{stray.why}; systemd passes over it", "mend it")


def _description(unit: Unit) -> str:
    return resolve(unit.text("Unit", "Description"), unit.name)[0]


def _sources(units: Sequence[Unit]) -> tuple[str, ...]:
    return tuple(line for unit in units for line in sources(unit, {*_OF_THE_SCHEDULE, "ExecStart"}))
