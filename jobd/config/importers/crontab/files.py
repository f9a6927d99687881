"""Crontab files: from the paths that a person names to texts, and whose they are.

``/etc/crontab`` and ``/etc/cron.d`` have a field for users. In ``/var/spool/cron/crontabs`` and
``/var/spool/cron`` the file's name is the user's. Everything else is a crontab whose user
nobody knows, unless it is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobd.config.importers.crontab.run_parts import is_run
from jobd.config.importers.crontab.text import CrontabFile, Kind
from jobd.config.importers.imported import Finding, NotImportable

_LARGEST_BYTES = 1 << 20
_SPOOLS = (("cron", "crontabs"), ("spool", "cron"), ("cron", "tabs"))


@dataclass(frozen=True, slots=True)
class Stated:
    """What the person says about the files; None: goes by the paths."""

    kind: Kind | None = None
    user: str | None = None


def files_at(path: Path, stated: Stated) -> Iterator[CrontabFile | Finding]:
    """Yield a file, or those of a folder that cron would read, sorted; ``NotImportable`` if
    it cannot be read. What cron does not read in a folder is a finding."""
    if not _is_folder(path):
        yield CrontabFile(str(path), read(path), _kind(path, stated), _user(path, stated))
        return
    for child in _children(path):
        if not _belongs(child, stated):
            what = "cron does not read a file of this name here, and nor does jobd"
            yield Finding(str(child), None, what, "name the file itself, if it should count")
        elif child.is_file():
            yield CrontabFile(
                str(child), read(child), _kind(child, stated), _user(child, stated, is_spool=True)
            )
        elif not child.is_dir():  # a link that leads nowhere, a pipe, a socket
            what = "is no file, so cron passes over it, and so does jobd"
            yield Finding(str(child), None, what, "remove it, or mend where it leads")


def text_of(data: bytes) -> str:
    """Return the text; what is no UTF-8 stays recognizable in its line."""
    return data.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")


def read(path: Path) -> str:
    """Return the text of a file; ``NotImportable`` says why there is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > _LARGEST_BYTES:
        raise NotImportable(f"{path}: is larger than 1M; name a crontab")
    return text_of(data)


def _unreadable(path: Path, error: OSError) -> NotImportable:
    mend = "become root" if isinstance(error, PermissionError) else "name a file that is there"
    return NotImportable(f"{path}: cannot be read ({error.strerror}); {mend}")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise _unreadable(path, error) from None


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    except OSError as error:
        raise _unreadable(folder, error) from None


def _belongs(child: Path, stated: Stated) -> bool:
    return _kind(child, stated) is Kind.USER or is_run(child.name)


def _kind(path: Path, stated: Stated) -> Kind:
    if stated.kind is not None:
        return stated.kind
    if path.name == "anacrontab":
        return Kind.ANACRON
    absolute = path.absolute()
    is_system = absolute.parent.name == "cron.d" or absolute.parts[-2:] == ("etc", "crontab")
    return Kind.SYSTEM if is_system else Kind.USER


def _user(path: Path, stated: Stated, *, is_spool: bool = False) -> str | None:
    if stated.user is not None or _kind(path, stated) is not Kind.USER:
        return stated.user
    return path.name if is_spool or path.absolute().parts[-3:-1] in _SPOOLS else None
