"""Probe: start the prober in the application's interpreter, and read what it tells."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobd.config.importers.imported import NotImportable

_PROBER = Path(__file__).with_name("prober.py")
_LONGEST_S = 120  # for applications that load a whole web framework from a cold disk


@dataclass(frozen=True, slots=True)
class Place:
    """Where an application is: its interpreter, its folder and the module that has it."""

    python: str
    folder: str
    module: str


def place_of(target: str, python: str, folder: Path) -> Place:
    """Return the place, with whole paths; ``NotImportable`` if there is no such interpreter."""
    found = shutil.which(python)
    if found is None:
        mend = "name the interpreter of the application with --python"
        raise NotImportable(f"{python} is no program; {mend}")
    if not folder.is_dir():
        raise NotImportable(f"{folder} is no folder; name that of the application with --path")
    # Not resolved: the python of a virtual environment is a link, and knows itself by its name.
    return Place(str(Path(found).absolute()), str(folder.resolve()), target.partition(":")[0])


def probe(target: str, place: Place) -> Mapping[str, Any]:
    """Return the prober's document about ``MODULE:ATTR``.

    ``NotImportable`` carries the last line of the application's own complaint.
    """
    source = _PROBER.read_text(encoding="utf-8")
    argv = [place.python, "-c", source, target]
    try:
        done = subprocess.run(  # noqa: S603 -- to import it is what was asked for
            argv, cwd=place.folder, capture_output=True, timeout=_LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotImportable(f"{target} was not imported within {_LONGEST_S} s") from None
    except OSError as error:
        raise NotImportable(f"{place.python} cannot be executed ({error.strerror})") from None
    if done.returncode:
        raise NotImportable(_complaint(target, place, done.stderr.decode("utf-8", "replace")))
    document: Mapping[str, Any] = json.loads(done.stdout)
    if "entries" not in document:
        raise NotImportable(_about_no_entries(target, place.module, document["app"]))
    if not document["entries"]:
        raise NotImportable(f"{target} has no beat_schedule; there is nothing to import")
    return document


def _about_no_entries(target: str, module: str, app: str) -> str:
    if not app:
        what = f"{target} is no application of Celery, nor is there just one in its module"
        return f"{what}; name one: {module}:app"
    if app == target.partition(":")[2]:
        return f"the beat_schedule of {target} is no dict; mend that"
    return (
        f"{target} is neither an application of Celery nor the entries of one; name {module}:{app}"
    )


def _complaint(target: str, place: Place, stderr: str) -> str:
    reason = _reason(stderr.splitlines())
    mend = "name its folder with --path and its interpreter with --python"
    return f"{target} cannot be imported by {place.python} in {place.folder}: {reason}; {mend}"


def _reason(lines: Sequence[str]) -> str:
    """Return the line of a traceback that names the exception: the one below its last frame."""
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    below = lines[frames[-1] + 1 :] if frames else lines
    said = (line.strip()[:300] for line in below if line.strip() and not line.startswith("  "))
    return next(said, "it says nothing")
