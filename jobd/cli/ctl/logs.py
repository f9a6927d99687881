"""``jobd ctl logs``: what a run wrote, and how much of it was not kept."""

import sys
from collections.abc import Iterable
from typing import Any

import click

from jobd.cli import exits
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.watching import Patience, Piece, find_run, follow, read_all


@ctl_command
@click.argument("name", metavar="JOB|RUN")
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on until the run ends.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt [the last].")
def logs(session: Session, name: str, is_followed: bool, attempt: int | None) -> int | None:
    """What a run wrote, both streams; of a job, its latest run.

    What a run on another node wrote is fetched from there.

    What the middle lost is said on standard error, so that standard output stays the
    job's own.
    """
    run = find_run(session.client, name)
    if run["state"] == "waiting" and not is_followed:
        session.note(f"run {run['run_id']} has not started: {run['reason']}")
        write_all(session, run, ())
        return None
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
