"""Service: a .service unit -> the keys of a job but for its schedule."""

from jobd.config.importers.fitting import duration_text
from jobd.config.importers.imported import LONGEST_KILL_AFTER
from jobd.config.importers.systemd import settings
from jobd.config.importers.systemd.draft import Draft, span, truth
from jobd.config.importers.systemd.environment import environment
from jobd.config.importers.systemd.outcomes import carry_outcomes
from jobd.config.importers.systemd.program import carry_program
from jobd.config.importers.systemd.specifiers import resolve
from jobd.config.importers.systemd.syntax import Assignment, Unreadable, is_false
from jobd.config.importers.systemd.unit import Unit
from jobd.config.units import parse_size

_PULLS_IN = ("Wants", "Requires", "BindsTo", "Upholds", "Conflicts")
# Kinds of units that are there already where jobd runs.
_STANDING = (".target", ".slice", ".mount", ".device", ".swap", ".automount")


def carry_service(unit: Unit, draft: Draft) -> None:
    """Carry a service over; all of it that a job does not do is told, and nothing else."""
    for key, carried in settings.CARRIED.items():
        _carry(unit.take("Service", key), carried, draft)
    _order_ceilings(unit, draft)
    is_oneshot = _is_oneshot(unit, draft)
    _carry_account(unit, draft)
    _carry_folder(unit, draft)
    _carry_limits(unit, is_oneshot, draft)
    _carry_streams(unit, draft)
    known = environment(unit, draft)
    carry_program(unit, known, is_oneshot, draft)
    carry_outcomes(unit, draft)
    _tell_of_others(unit, draft)
    tell_the_rest(unit, draft)


def tell_the_rest(unit: Unit, draft: Draft) -> None:
    """Tell what nobody has taken and what is not known to be without effect."""
    for section, keys in settings.WITHOUT_EFFECT.items():
        unit.pass_over(section, keys)
    left = [one for one in unit.left() if one.section != "Install" and not _is_private(one)]
    walls = [one for one in left if one.key in settings.CONFINING]
    folders = [one for one in left if one.key in settings.DIRECTORIES]
    told = "the service is confined by {}; a job is not confined"
    mend = "keep the service for that (--keep-services), or let the command confine itself"
    _tell_together([one for one in walls if not is_false(one.value)], told, mend, draft)
    mend = "let tmpfiles.d(5) make them, and set the variables that name them in env"
    _tell_together(folders, "folders are made by {}; a job finds none made", mend, draft)
    for one in left:
        if one not in walls and one not in folders:
            draft.tell(one, "has no equivalent", settings.mend_of(one.key))


def _carry(one: Assignment | None, carried: settings.Carried, draft: Draft) -> None:
    if one is None:
        return
    try:
        value = carried.read(one.value)
    except Unreadable as error:
        draft.tell(one, str(error), f"write {carried.key}")
        return
    if value is not None:
        draft.carry(one, carried.key, value)


def _order_ceilings(unit: Unit, draft: Draft) -> None:
    """Drop a memory_high that could never be reached, which jobd refuses."""
    high, most = draft.keys.get("memory_high"), draft.keys.get("memory_max")
    one = unit.take("Service", "MemoryHigh")
    if one and high and most and parse_size(str(high)) > parse_size(str(most)):
        del draft.keys["memory_high"]
        draft.tell(one, "is above MemoryMax=, and never reached", "leave it out")


def _is_oneshot(unit: Unit, draft: Draft) -> bool:
    kind = unit.take("Service", "Type")
    if kind is not None and kind.value == "forking":
        what = "leaves its work to a process that outlives the command; a run ends with the command"
        draft.hold_back(kind, what, "run it in the foreground")
    remains = unit.take("Service", "RemainAfterExit")
    if remains is not None and truth(remains, draft):
        draft.tell(remains, "lets a timer start it once only", "the job runs at each tick")
    return kind is not None and kind.value == "oneshot"


def _carry_account(unit: Unit, draft: Draft) -> None:
    user, dynamic = unit.take("Service", "User"), unit.take("Service", "DynamicUser")
    if user is not None:
        name, unresolved = resolve(user.value, unit.name)
        draft.carry(user, "user", name)
        if unresolved or "user" not in draft.keys:
            draft.hold_back(user, "cannot be carried over", "write user")
    if dynamic is not None and truth(dynamic, draft):
        what = "makes up a user for each run; without one the job would run as jobd does"
        draft.hold_back(dynamic, what, "make a user, and name it with user")
    for key in ("RootDirectory", "RootImage"):
        if one := unit.take("Service", key):
            draft.hold_back(one, "is another root", "run it through chroot(8)")


def _carry_folder(unit: Unit, draft: Draft) -> None:
    """Set ``cwd``: a service begins in /, a job in the home of its user."""
    one = unit.take("Service", "WorkingDirectory")
    draft.keys["cwd"] = "/"
    if one is None:
        return
    path, unresolved = resolve(one.value.removeprefix("-"), unit.name)
    if path == "~":
        del draft.keys["cwd"]
        return
    if unresolved or not path.startswith("/"):
        draft.hold_back(one, "names no folder by its whole path", "write cwd")
        return
    if one.value.startswith("-"):
        what = "may be missing; a job does not start then"
        draft.tell(one, what, "make it, or leave cwd out")
    draft.carry(one, "cwd", path)


def _carry_limits(unit: Unit, is_oneshot: bool, draft: Draft) -> None:
    start = unit.take("Service", "TimeoutStartSec", "TimeoutSec")
    runtime = unit.take("Service", "RuntimeMaxSec")
    # Of a oneshot systemd does not look at RuntimeMaxSec=, of others the start is no run.
    _carry_span(start if is_oneshot else runtime, "timeout", draft)
    _carry_span(unit.take("Service", "WatchdogSec"), "watchdog", draft)
    stop = unit.take("Service", "TimeoutStopSec", "TimeoutSec")
    if stop is not None:
        length = span(stop, draft)
        if not length or length > LONGEST_KILL_AFTER:
            draft.tell(stop, "is longer than kill_after can be", "it is 1h in this job")
        kill_after = min(length or LONGEST_KILL_AFTER, LONGEST_KILL_AFTER)
        draft.keys["kill_after"] = duration_text(kill_after)
    mode = unit.take("Service", "KillMode")
    if mode is not None and mode.value != "control-group":
        if mode.value == "mixed":
            what = "signals the main process alone at first; of a job all get the signal"
            draft.tell(mode, what, "leave it, if they end then")
        else:
            what = "spares processes of the service; a job ends with all of its own"
            draft.tell(mode, what, "start what must live on as a service")


def _carry_span(one: Assignment | None, key: str, draft: Draft) -> None:
    length = span(one, draft)
    if one is not None and length:
        draft.carry(one, key, duration_text(length))


def _carry_streams(unit: Unit, draft: Draft) -> None:
    source = unit.take("Service", "StandardInput")
    if source is not None and source.value.startswith("file:"):
        draft.carry(source, "stdin", source.value.removeprefix("file:"))
    elif source is not None and source.value != "null":
        draft.tell(source, "has no equivalent", "write stdin = the path of a file")
    for key in ("StandardOutput", "StandardError"):
        one = unit.take("Service", key)
        if one is not None and one.value.startswith(("file:", "append:", "truncate:", "fd:")):
            mend = "redirect it in the command, if it is needed there"
            draft.tell(one, "is not written; jobd keeps the output (jobd ctl logs)", mend)


def _tell_of_others(unit: Unit, draft: Draft) -> None:
    """Tell which other units are started, or stopped, with the service."""
    for one in unit.take_all("Unit", *_PULLS_IN):
        names = [name for name in one.value.split() if not name.endswith(_STANDING)]
        if names and one.key == "Conflicts":
            mend = "give jobs that must not meet a pool of size 1"
            draft.tell(one, f"stops {' '.join(names)} before it, which a job does not", mend)
        elif names:
            what = f"starts {' '.join(names)} with it, which a job does not"
            draft.tell(one, what, "enable that, or start it in the command")


def _tell_together(lines: list[Assignment], what: str, mend: str, draft: Draft) -> None:
    if lines:
        names = ", ".join(dict.fromkeys(one.key for one in lines))
        draft.tell_of(lines[0], what.format(names), mend)


def _is_private(one: Assignment) -> bool:
    return one.key.startswith("X-") or one.section.startswith("X-")
