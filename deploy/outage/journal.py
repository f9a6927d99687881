"""Journal: what the runs of one side noted, and how many of them are alive."""

from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, slots=True)
class Note:
    """One line. ``kind`` is start, end, or beside: another run was alive at its start."""

    kind: str
    node: str
    pid: int
    tick: str  # as jobd told it to the run; "-" with cron, which tells nothing
    at_s: float  # monotonic


class Journal:
    """Reads what the program notes in a folder; see deploy.outage.program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def notes(self) -> list[Note]:
        """Return all notes, in the order in which they were written."""
        try:
            text = (self.folder / "journal").read_text(encoding="ascii")
        except FileNotFoundError:  # nothing has started yet
            return []
        words = (line.split() for line in text.split("\n")[:-1])  # the rest is being written
        return [
            Note(kind, node, int(pid), tick, float(at_s)) for kind, node, pid, tick, at_s in words
        ]

    def held_bytes(self) -> list[int]:
        """Return what each run that is alive now holds, by the kernel's account."""
        notes = self.notes()
        over = {note.pid for note in notes if note.kind == "end"}
        begun = {note.pid for note in notes if note.kind == "start"} - over
        found = (_held_bytes(pid) for pid in begun)
        return [held for held in found if held is not None]


def _held_bytes(pid: int) -> int | None:
    """Return the memory that a process has for itself; None if it is gone. What it shares with
    others, such as Python itself, would be counted once for each of them."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * KIB
    return None  # a zombie has none
