"""Environment: Environment= and EnvironmentFile= -> env, env_file, and files for the script."""

from dataclasses import dataclass

from jobd.config.importers.fitting import refused
from jobd.config.importers.systemd.draft import Draft
from jobd.config.importers.systemd.specifiers import resolve
from jobd.config.importers.systemd.syntax import Assignment, Unreadable, Word, split_words
from jobd.config.importers.systemd.unit import Unit

_GLOB = frozenset("*?[")
_CLEAN = "leave it: a job's environment is clean but for jobd's own and the account's"


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """A file that the script reads, because jobd's env_file cannot: it may be missing."""

    path: str
    is_optional: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """What is known of a service's variables. ``is_open``: a file may set more, or others.

    ``passed``: those of systemd's own environment, which a person is told to write into ``env``.
    """

    known: dict[str, str]
    is_open: bool
    read_by_script: tuple[EnvironmentFile, ...]
    passed: frozenset[str] = frozenset()


def environment(unit: Unit, draft: Draft) -> Environment:
    """Carry the environment over; what cannot be is told."""
    known: dict[str, str] = {}
    for one in unit.take_all("Service", "Environment"):
        known |= _assigned(one, unit, draft)
    lines = unit.take_all("Service", "EnvironmentFile")
    files = [(one, file) for one in lines if (file := _file(one, unit, draft))]
    passed = {
        word
        for one in unit.assignments
        if one.key == "PassEnvironment"
        for word in one.value.split()
    }
    for one in unit.take_all("Service", "UnsetEnvironment"):
        _unset(one, unit, known, passed, draft, is_open=bool(files))
    if known:
        draft.keys["env"] = dict(known)
    if len(files) == 1 and not files[0][1].is_optional:
        one, file = files[0]
        draft.carry(one, "env_file", file.path)
        if known:
            mend = "leave out of env what the file sets as well"
            draft.tell(one, "goes before Environment=; a job's env goes before env_file", mend)
        return Environment(known, is_open=True, read_by_script=(), passed=frozenset(passed))
    for one, _ in files:
        what = "is read by a shell in this job, for env_file is one file that must be there"
        draft.tell(one, what, "write env_file, if it is; a shell acts on $ and ` in it")
    return Environment(known, bool(files), tuple(file for _, file in files), frozenset(passed))


def _unset(
    one: Assignment,
    unit: Unit,
    known: dict[str, str],
    passed: set[str],
    draft: Draft,
    *,
    is_open: bool,
) -> None:
    """Take the variables away that are named, as systemd does when all others are set.

    What is named as NAME=value goes only if that is its value. Told is what a file may set all
    the same, and what the unit does not set: jobd's own variables stay.
    """
    for word in _words(one, draft):
        text, _ = resolve(word.text, unit.name)
        name, equals, value = text.partition("=")
        is_set = name in known and (not equals or known[name] == value)
        if is_open:
            what = f"takes {name} away also where a file sets it; in this job it stays then"
            draft.tell(one, what, "leave it out of the file")
        elif name not in known and name not in passed:
            draft.tell(one, f"names {name}, which the unit does not set", _CLEAN)
        if is_set:
            del known[name]
        if not equals:
            passed.discard(name)


def _words(one: Assignment, draft: Draft) -> list[Word]:
    try:
        return split_words(one.value)
    except Unreadable as error:
        draft.tell(one, str(error), "close it; systemd passes over it")
        return []


def _assigned(one: Assignment, unit: Unit, draft: Draft) -> dict[str, str]:
    found = {}
    for word in _words(one, draft):
        text, unresolved = resolve(word.text, unit.name)
        name, equals, value = text.partition("=")
        if unresolved:
            draft.hold_back(one, _about_specifiers(unresolved), "write what it stands for")
        if not equals or refused("env", {name: value}):
            draft.tell(one, "sets what is no variable of a job", "write NAME=value")
        else:
            found[name] = value
    return found


def _about_specifiers(unresolved: tuple[str, ...]) -> str:
    return f"holds {' '.join(dict.fromkeys(unresolved))}, which only systemd resolves"


def _file(one: Assignment, unit: Unit, draft: Draft) -> EnvironmentFile | None:
    path, unresolved = resolve(one.value.removeprefix("-"), unit.name)
    if unresolved:
        draft.hold_back(one, _about_specifiers(unresolved), "write what it stands for")
        return None
    if not path.startswith("/") or _GLOB.intersection(path) or refused("env_file", path):
        draft.tell(one, "names no single file by its whole path", "write env_file yourself")
        return None
    return EnvironmentFile(path, one.value.startswith("-"))
