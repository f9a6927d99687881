"""Journal: what jobs note about themselves. That is the evidence, not jobd's own records.

Each line is written by a job, at its start and at its end. A lock that every process of the
job inherits tells whether two runs of one job were ever alive together, on whichever of the
nodes that share a journal: the kernel drops it when the last of them is gone, however it went.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORK = """\
#!/bin/sh
# work SECONDS [STATUS]: notes its start and its end, and exits with STATUS.
# work NAME [STATUS]: the same, until Journal.release(NAME).
# With EACH set it is a job that every node runs for itself.
here=${0%/*}
note() {
    read -r uptime _ < /proc/uptime
    echo "$1 $JOBD_JOB $JOBD_RUN_ID ${JOBD_TICK:--} $JOBD_ATTEMPT $$ $uptime" \
        "$JOBD_NODE $JOBD_FENCING_TOKEN" >> "$here/journal"
}
exec 9>> "$here/$JOBD_JOB${EACH:+@$JOBD_NODE}.lock"
flock -n 9 || note overlap
note start
echo "working for $1"
case $1 in
    [0-9]*) sleep "$1" ;;
    *) until [ -e "$here/released-$1" ]; do sleep 0.1; done ;;
esac
note end
exit "${2:-0}"
"""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the journal. ``kind`` is start, end or overlap; ``at_s`` is uptime."""

    kind: str
    job: str
    run_id: str
    tick: str  # "-" for a run by hand
    attempt: int
    pid: int
    at_s: float
    node: str
    token: int


class Journal:
    """Makes the program ``work`` in a directory, and reads what it noted there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "journal"
        program = directory / "work"
        program.write_text(WORK, encoding="utf-8")
        program.chmod(0o755)

    def release(self, name: str) -> None:
        """Let those end that ``work NAME``."""
        (self.directory / f"released-{name}").touch()

    def notes(self, kind: str, job: str = "") -> list[Note]:
        """Return the notes of a kind, in the order in which they were written."""
        return [n for n in self._read() if n.kind == kind and job in ("", n.job)]

    def starts(self, job: str = "") -> list[Note]:
        """Return the starts, one for each attempt."""
        return self.notes("start", job)

    def ends(self, job: str = "") -> list[Note]:
        """Return the ends; a job that was killed has none."""
        return self.notes("end", job)

    def overlaps(self, job: str = "") -> list[Note]:
        """Return the starts that found a process of an earlier run of the job alive."""
        return self.notes("overlap", job)

    def _read(self) -> Iterator[Note]:
        if not self._path.exists():
            return
        whole = self._path.read_text(encoding="utf-8").split("\n")[:-1]
        for line in whole:  # behind them may be one that is being written
            kind, job, run_id, tick, attempt, pid, at_s, node, token = line.split()
            numbers = int(attempt), int(pid), float(at_s)
            yield Note(kind, job, run_id, tick, *numbers, node, int(token))
