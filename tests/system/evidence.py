"""Evidence: what a journal that several nodes wrote proves, or disproves.

Each function returns what is wrong, as words; an empty list is what is wanted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from tests.system.journal import Journal, Note


def overlaps(journal: Journal) -> list[str]:
    """Return the starts that found a process of an earlier run of the job alive."""
    return [f"{_name(note)} began beside a prior run" for note in journal.overlaps()]


def doubles(journal: Journal, each: Iterable[str] = ()) -> list[str]:
    """Return what was started twice: a tick, or an attempt of a run.

    ``each`` are jobs that every node runs for itself: their ticks are each node's own.
    """
    own = set(each)
    starts = journal.starts()
    attempts = Counter((note.run_id, note.attempt) for note in starts)
    runs_of: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for note in starts:
        if note.tick != "-":
            owner = note.node if note.job in own else ""
            runs_of[note.job, owner, note.tick].add(note.run_id)
    return [
        *(f"attempt {number} of {run} began {n} times" for (run, number), n in attempts.items()
          if n > 1),
        *(f"tick {tick} of {job} {owner} was started as {sorted(runs)}"
          for (job, owner, tick), runs in runs_of.items() if len(runs) > 1),
    ]  # fmt: skip


def stale_tokens(journal: Journal, each: Iterable[str] = ()) -> list[str]:
    """Return the starts under a fencing token that is no higher than that of a run before.

    An attempt that the same node makes has its run's token still, for the lease was kept.
    Jobs that run beside themselves may start in another order than they were granted in.
    """
    latest: dict[str, list[Note]] = defaultdict(list)
    for note in journal.starts():
        latest[f"{note.job}@{note.node}" if note.job in set(each) else note.job].append(note)
    return [
        f"{_name(second)} began with token {second.token}, after {first.token}"
        for notes in latest.values()
        for first, second in pairwise(notes)
        if second.token < first.token + (second.run_id != first.run_id)
    ]


def contradicted(journal: Journal, runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return where the history (run id to run) says something else than what the jobs noted.

    A run that noted its end with status 0 is a success, unless the node that held it had
    to give it up: then nobody but the job knows how it ended, and it is ``lost``.
    """
    started = {note.run_id: note for note in journal.starts()}
    ended = {note.run_id for note in journal.ends()}
    unknown = [f"{_name(note)} is not in the history" for run, note in started.items()
               if run not in runs]  # fmt: skip
    unended = [f"{_name(note)} has no outcome" for run, note in started.items()
               if run in runs and runs[run]["outcome"] is None]  # fmt: skip
    wrong = [f"{_name(note)} ended well, and the history says {runs[run]['outcome']}"
             for run, note in started.items()
             if run in ended and run in runs
             and runs[run]["outcome"] not in ("success", "lost", "canceled", None)]  # fmt: skip
    return [*unknown, *unended, *wrong]


def most_at_once(notes: Iterable[Note]) -> int:
    """Return how many runs were under way together, by their own starts and ends."""
    running = most = 0
    for note in sorted(notes, key=lambda note: (note.at_s, note.kind)):
        running += {"start": 1, "end": -1}.get(note.kind, 0)
        most = max(most, running)
    return most


def _name(note: Note) -> str:
    return (
        f"run {note.run_id} of {note.job} (tick {note.tick}, attempt {note.attempt}, {note.node})"
    )
