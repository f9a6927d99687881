"""``jobd ctl logs``: what a run wrote, and how much of it was not kept."""

import sys
from collections.abc import Iterable
from typing import Any

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.watching import Patience, Piece, find_run, follow, read_all
from jobd.core.amounts import counted


@ctl_command(
    ("jobd ctl logs backup", "what its latest run wrote"),
    ("jobd ctl logs -f backup", "and goes on to write"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("name", metavar="JOB|RUN", shell_complete=candidates.runs_and_jobs)
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on until the run ends.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Which attempt [the last].")
def logs(session: Session, name: str, is_followed: bool, attempt: int | None) -> int | None:
    """What a run wrote, both streams; of a job, its latest run.

    What a run on another node wrote is fetched from there. Of long output the middle is not
    kept: that is said on standard error, so that standard output stays the job's own.
    """
    run = find_run(session.client, name)
    if run["state"] == "waiting" and not is_followed:
        session.note(f"run {run['run_id']} has not started: {run['reason']}")
        write_all(session, run, ())
        return None
    _check_attempt(run, attempt)
    if run.get("outcome") == "start_error" and not session.as_json:
        session.note(f"run {run['run_id']} never began: {run['reason']}")
    if is_followed:
        pieces = follow(session.client, run["run_id"], attempt or 0, Patience())
    else:
        pieces = read_all(session.client, run["run_id"], attempt or 0)
    try:
        write_all(session, run, pieces)
    except KeyboardInterrupt:
        session.note(f"detached; run {run['run_id']} is left alone")
        return exits.INTERRUPTED
    return None


def _check_attempt(run: dict[str, Any], attempt: int | None) -> None:
    """Refuse to show nothing of an attempt that there was not."""
    if attempt is not None and run["state"] != "waiting" and attempt > run["attempt"]:
        there_are = counted(run["attempt"], "attempt")
        raise click.UsageError(f"run {run['run_id']} has {there_are}; choose one of them")


def write_all(session: Session, run: dict[str, Any], pieces: Iterable[Piece]) -> None:
    """Write the pieces as they come, or all of them as one document."""
    if session.as_json:
        session.show(_document(run, list(pieces)), str)
    else:
        write_pieces(session, pieces)


def write_pieces(session: Session, pieces: Iterable[Piece]) -> None:
    """Write output to standard output, what is to say about it to standard error."""
    attempt = None
    for piece in pieces:
        if attempt is not None and piece.attempt != attempt:
            session.note(f"attempt {piece.attempt}")
        attempt = piece.attempt
        if piece.skipped_bytes:
            session.note(f"{piece.skipped_bytes} bytes of the middle were not kept")
        sys.stdout.buffer.write(piece.data)
        sys.stdout.buffer.flush()


def _document(run: dict[str, Any], pieces: list[Piece]) -> dict[str, Any]:
    return {
        "run_id": run["run_id"],
        "job": run["job"],
        "attempt": pieces[-1].attempt if pieces else run["attempt"],
        "dropped_bytes": sum(piece.skipped_bytes for piece in pieces),
        "text": b"".join(piece.data for piece in pieces).decode(errors="replace"),
    }
