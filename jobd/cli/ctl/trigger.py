"""``jobd ctl trigger``: runs a job now, and leaves with the run's own status if asked to wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Document
from jobd.cli.ctl.errors import CtlError, NotFound, Refused, printable
from jobd.cli.ctl.logs import write_pieces
from jobd.cli.ctl.runs import ending
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.watching import Patience, follow, wait_for_end
from jobd.cli.ctl.wording import duration, when
from jobd.cli.described import Exits

START_ERROR = 126  # as a shell, for a command that cannot be executed
TIMEOUT = 124  # as timeout(1)
OOM = 137  # as a shell, for SIGKILL
SIGNALED = 128

_BY_OUTCOME = {
    "timeout": TIMEOUT,
    "oom": OOM,
    "canceled": exits.INTERRUPTED,
    "lost": exits.SOFTWARE,
    "start_error": START_ERROR,
}

_EXITS: Exits = {
    exits.OK: "accepted; with --wait: a success",
    **exits.told(exits.NO_INPUT),
    exits.TEMP_FAIL: "the job is active already, or no node may start it now",
    "with --wait": "the run's own, or 128 and the signal that killed it",
    TIMEOUT: "with --wait: its timeout",
    START_ERROR: "with --wait: it could not be started",
    OOM: "with --wait: its memory ceiling",
    exits.INTERRUPTED: "with --wait: it was canceled",
    exits.SOFTWARE: "with --wait: it was lost",
}


@ctl_command(
    ("jobd ctl trigger backup --wait", "leave with its exit status"),
    (
        "jobd ctl trigger report --param month=2026-03 --follow",
        "with a parameter, and see its output",
    ),
    exits=_EXITS,
)
@click.argument("job", shell_complete=candidates.jobs)
@click.option("--wait", "is_awaited", is_flag=True, help="Leave with the run's own exit status.")
@click.option("--follow", "is_followed", is_flag=True, help="Print its output until it ends.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="A parameter of the job.")
@click.option("--force", is_flag=True, help='Run beside the prior run (overlap = "allow").')
@click.option("--queue", is_flag=True, help="Wait for the prior run's end.")
@click.option(
    "--node",
    metavar="NAME",
    shell_complete=candidates.nodes,
    help="Where [here if it may, else the best node].",
)
def trigger(
    session: Session,
    job: str,
    is_awaited: bool,
    is_followed: bool,
    params: Sequence[str],
    force: bool,
    queue: bool,
    node: str | None,
) -> int | None:
    """Run a job now. Its overlap policy holds as for a tick: if it is active, nothing is done.

    Returns once the run is accepted, unless --wait or --follow wait for its end. Ctrl-C leaves
    the run alone.
    """
    if is_followed and session.as_json:
        raise click.UsageError("--follow prints the output, --json one document: choose one")
    wish: dict[str, object] = {"params": _parse_params(params), "force": force, "queue": queue}
    if node is not None:
        wish["node"] = node
    if node is not None and (is_awaited or is_followed):
        _check_watched_from_here(session, job, node)
    accepted = _accepted(session, job, wish)
    run_id = accepted["run_ids"][0]
    try:
        _tell_accepted(session, accepted, run_id, is_quiet=is_awaited or is_followed)
        return _watch(session, accepted, run_id, is_awaited, is_followed)
    except KeyboardInterrupt:
        session.note(f"detached; run {run_id} goes on: jobd ctl logs -f {run_id}")
        return exits.INTERRUPTED if is_awaited else exits.OK


def own_status(run: Mapping[str, Any]) -> int:
    """Return the exit status that stands for a run's end."""
    outcome = run["outcome"]
    if outcome in _BY_OUTCOME:
        return _BY_OUTCOME[outcome]
    if run["signal"] is not None:
        return SIGNALED + int(run["signal"])
    status = int(run["exit_code"] or 0)
    # A failure_pattern makes a failure of a run that exits 0.
    return exits.FAILED if outcome == "failure" and status == 0 else status


def _check_watched_from_here(session: Session, job: str, node: str) -> None:
    """Refuse to wait for what only another node will know: the runs of its own jobs."""
    scope, here = session.client.get("jobs", job)["scope"], session.client.get("status")["node"]
    if scope == "node" and node != here:
        raise click.UsageError(
            f'{job} has scope = "node": only {node} knows of its runs there; '
            f"leave --wait and --follow away, or ask on {node}"
        )


def _accepted(session: Session, job: str, wish: Mapping[str, object]) -> Document:
    try:
        return session.client.post("jobs", job, "trigger", **wish)
    except Refused as error:
        if error.error.get("blocker"):
            error.message = printable(_busy_words(error.error))
        raise


def _busy_words(error: Mapping[str, Any]) -> str:
    blocker = error["blocker"]
    # By the clock of whoever wrote down the beginning: this one may be another.
    now = datetime.fromisoformat(error["now"])
    since = when(blocker["began_at"], now)
    return (
        f"busy: run {blocker['run_id']} of {blocker['job']} is active on {blocker['node']} "
        f"since {since}; --queue waits its turn"
    )


def _tell_accepted(session: Session, accepted: Document, run_id: str, *, is_quiet: bool) -> None:
    words = f"run {run_id} accepted on {accepted['node']}"
    if accepted["message"]:
        words += f": {accepted['message']}"
    if is_quiet:
        session.note(words)
    else:
        session.show({**accepted, "run": None}, lambda: printable(words))


def _watch(
    session: Session, accepted: Document, run_id: str, is_awaited: bool, is_followed: bool
) -> int | None:
    patience = Patience()
    try:
        if is_followed:
            write_pieces(session, follow(session.client, run_id, 1, patience))
        if not (is_awaited or is_followed):
            return None
        run = wait_for_end(session.client, run_id, patience)
    except CtlError as error:
        if error.code == "no_such_run":
            raise NotFound(_never_started(accepted, run_id)) from None
        raise
    if session.as_json:
        session.show({**accepted, "run": run}, str)
    session.note(_end_words(run))
    return own_status(run) if is_awaited else None


def _never_started(accepted: Document, run_id: str) -> str:
    """Return what is known of a run without a record; who waits elsewhere is not seen here."""
    words = f"run {run_id} was given up before it started"
    waits = str(accepted["message"]).startswith("waits")
    return f"{words}, or still waits on {accepted['node']}" if waits else words


def _end_words(run: Mapping[str, Any]) -> str:
    took = f" after {duration(run['lasted_s'])}" if run["lasted_s"] is not None else ""
    why = ending(run)
    at = f" at {datetime.fromisoformat(run['ended_at']).astimezone():%H:%M:%S}"
    return f"run {run['run_id']} ended {run['outcome']}{took}{at}" + (
        f": {why}" if why != "-" else ""
    )


def _parse_params(given: Sequence[str]) -> dict[str, str]:
    params: dict[str, str] = {}
    for pair in given:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise click.UsageError(f'--param "{pair}": write it as K=V')
        if key in params:
            raise click.UsageError(f"--param {key} is given twice")
        params[key] = value
    return params
