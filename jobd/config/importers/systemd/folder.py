"""Folder: where units are found: files, drop-ins, masks, templates and their instances."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobd.config.importers.imported import NotImportable
from jobd.config.importers.systemd.specifiers import UnitName
from jobd.config.importers.systemd.syntax import Assignment, read_assignments
from jobd.config.importers.systemd.unit import Unit

_LARGEST_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")  # others systemd does not load


@dataclass(frozen=True, slots=True)
class Masked:
    """A unit that is switched off for good: a link to /dev/null, or an empty file."""

    file: str


@dataclass(frozen=True, slots=True)
class NoFile:
    """What has the name of a unit and is a folder, or a device; systemd passes over it, too."""

    file: str


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders of units; a file in an earlier one hides its namesake in those after it."""

    paths: tuple[Path, ...]

    def timers(self) -> list[str]:
        """Return the names of all timers, instances that are enabled included, sorted.

        Another name that leads to a timer (Alias=) is that timer, and none of its own.
        """
        found = {
            path.name
            for folder in self.paths
            for pattern in ("*.timer", "*.wants/*@?*.timer")
            for path in folder.glob(pattern)
            if not _is_alias(path)
        }
        return sorted(filter(_NAME.fullmatch, found))

    def read(self, name: UnitName) -> Unit | Masked | NoFile | None:
        """Return a unit with its drop-ins; None if there is no file of its own.

        ``NotImportable`` if a file cannot be read.
        """
        path = self._find(str(name)) or self._find(name.template)
        if path is None:
            return None
        if path.resolve() == Path("/dev/null"):
            return Masked(str(path))
        if not path.is_file():
            return NoFile(str(path))
        if not (text := _text_of(path)):
            return Masked(str(path))
        parts = [*read_assignments(text, str(path))]
        for drop_in in self._drop_ins(name):
            parts += read_assignments(_text_of(drop_in), str(drop_in))
        assignments = tuple(part for part in parts if isinstance(part, Assignment))
        strays = tuple(part for part in parts if not isinstance(part, Assignment))
        return Unit(name, str(path), assignments, strays)

    def _find(self, name: str) -> Path | None:
        if not _NAME.fullmatch(name):
            return None
        found = [path for folder in self.paths if (path := folder / name).exists()]
        # A folder hides no file of its name, but is what there is where there is none.
        return min(found, key=Path.is_dir, default=None)

    def _drop_ins(self, name: UnitName) -> list[Path]:
        """Return the files of all ``*.d``, by their names; of namesakes the more specific one."""
        found: dict[str, Path] = {}
        for drop_in_folder in _drop_in_folders(name):
            for folder in self.paths:
                for path in sorted((folder / drop_in_folder).glob("*.conf")):
                    found.setdefault(path.name, path)
        kept = (found[file] for file in sorted(found))
        return [path for path in kept if path.is_file()]  # others are masks, or nothing


def folders_of(arguments: Sequence[Path]) -> tuple[Folders, list[str]]:
    """Return where to look, and the timers that are wanted: those named, or else all there are.

    An argument is a folder, a file in one, or the instance of a template in one.
    ``NotImportable`` names what is neither.
    """
    paths = dict.fromkeys(one if one.is_dir() else one.parent for one in arguments)
    folders = Folders(tuple(paths))
    named = [one.name for one in arguments if not one.is_dir()]
    for argument in arguments:
        if not argument.is_dir():
            _require_timer(argument, folders)
    whole = Folders(tuple(one for one in arguments if one.is_dir()))
    timers = sorted({*named, *whole.timers()})
    if not timers:
        shown = " ".join(map(str, arguments))
        raise NotImportable(f"{shown} has no timers; name the folder that has them")
    return folders, timers


def _require_timer(argument: Path, folders: Folders) -> None:
    name = UnitName.of(argument.name)
    if name.kind != "timer":
        what = "is no folder" if not argument.exists() else "is no timer"
        raise NotImportable(f"{argument} {what}; name a folder of units, or a .timer file in one")
    if folders.read(name) is None:
        raise NotImportable(f"{argument} does not exist; name a folder of units, or a .timer file")


def _drop_in_folders(name: UnitName) -> list[str]:
    """Return foo-bar@x.timer.d, foo-bar@.timer.d, foo-.timer.d, timer.d (systemd.unit(5))."""
    names = [str(name), name.template] if name.template else [str(name)]
    parts = name.prefix.split("-")
    prefixes = ["-".join(parts[:count]) + "-" for count in range(len(parts) - 1, 0, -1)]
    names += [f"{prefix}.{name.kind}" for prefix in prefixes]
    return [f"{one}.d" for one in (*names, name.kind)]


def _is_alias(path: Path) -> bool:
    target = path.resolve()
    return "@" not in path.name and target.suffix == ".timer" and target.name != path.name


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise NotImportable(f"{path} cannot be read ({error.strerror})") from None
    if len(data) > _LARGEST_BYTES:
        raise NotImportable(f"{path} is larger than 1 MiB; that is no unit")
    return data.decode("utf-8", "replace")
