"""``jobd ctl`` cancel, pause, resume, skip-next, drain, undrain and reload."""

from collections.abc import Iterator

import click

from jobd.cli import exits
from jobd.cli.ctl import candidates
from jobd.cli.ctl.client import Document
from jobd.cli.ctl.errors import NotFound, Refused, printable
from jobd.cli.ctl.session import Session, ctl_command
from jobd.cli.ctl.until import until as instant
from jobd.clock import SystemClock


@ctl_command(
    ("jobd ctl cancel backup", "all its active runs"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("name", metavar="RUN|JOB", shell_complete=candidates.active_runs_and_jobs)
def cancel(session: Session, name: str) -> None:
    """Stop a run, or every active run of a job: its stop signal, then SIGKILL.

    Whichever node holds it; that node stops it within a second or two.
    """
    try:
        reply = session.client.post("jobs", name, "cancel")
    except Refused as error:
        if error.code != "no_such_job":
            raise
        reply = _cancel_run(session, name, error)
    _tell(session, reply, f"canceled: {', '.join(reply['run_ids']) or 'nothing was active'}")


@ctl_command(
    ('jobd ctl pause backup --reason "disk is replaced" --until 18:00', "ends by itself"),
    ("jobd ctl pause --all", "every job"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", required=False, shell_complete=candidates.jobs)
@click.option("--all", "is_all", is_flag=True, help="Every job.")
@click.option("--reason", default="", help="Why; kept, and shown with every skipped tick.")
@click.option(
    "--until",
    metavar="TIME",
    help="When it ends by itself: 18:00, the next one, or 2030-01-31T18:00; local time.",
)
def pause(session: Session, job: str | None, is_all: bool, reason: str, until: str | None) -> None:
    """Skip a job's ticks until it is resumed. A run that is active goes on.

    Of a job that the cluster shares, on every node; of one that every node runs for
    itself (scope = "node"), on this node.
    """
    wish = {"reason": reason, "until": until and instant(until, SystemClock().now())}
    reply = session.client.post(*_scope(job, is_all), "pause", **wish)
    _tell(session, reply, f"paused: {job or 'every job'}")


@ctl_command(
    ("jobd ctl resume backup", "this job"),
    ("jobd ctl resume --all", "every job"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", required=False, shell_complete=candidates.jobs)
@click.option("--all", "is_all", is_flag=True, help="Every job.")
def resume(session: Session, job: str | None, is_all: bool) -> None:
    """End a pause: on every node, from whichever it was begun."""
    reply = session.client.post(*_scope(job, is_all), "resume")
    _tell(session, reply, f"resumed: {job or 'every job'}")


@ctl_command(
    ('jobd ctl skip-next backup --reason "moved to noon"', "and no other"),
    exits=exits.told(exits.NO_INPUT),
)
@click.argument("job", shell_complete=candidates.jobs)
@click.option("--reason", default="", help="Why; kept with the skipped tick.")
def skip_next(session: Session, job: str, reason: str) -> None:
    """Skip just the next tick of a job, whichever node would have run it."""
    reply = session.client.post("jobs", job, "skip-next", reason=reason)
    _tell(session, reply, f"the next tick of {job} will be skipped")


@ctl_command(
    ('jobd ctl drain --reason "kernel upgrade"', "this node"),
    ("jobd ctl drain --node app2", "another one"),
)
@click.option("--reason", default="", help="Why; shown by status on every node.")
@click.option(
    "--node",
    metavar="NAME",
    shell_complete=candidates.nodes,
    help="Another node; it answers within seconds.",
)
def drain(session: Session, reason: str, node: str | None) -> None:
    """Let this node start nothing new, until undrain; what runs goes on to its end.

    It survives restarts. Other nodes take over the ticks of the jobs that they share.
    """
    reply = session.client.post("drain", **_named(node), reason=reason)
    _tell_node(session, reply, "nothing new starts here", "; jobd ctl undrain ends that")


@ctl_command(
    ("jobd ctl undrain", "this node"),
)
@click.option(
    "--node",
    metavar="NAME",
    shell_complete=candidates.nodes,
    help="Another node; it answers within seconds.",
)
def undrain(session: Session, node: str | None) -> None:
    """Let this node start runs again."""
    reply = session.client.post("undrain", **_named(node))
    _tell_node(session, reply, "this node starts runs again")


@ctl_command(
    ("jobd check && jobd ctl reload", "after a change"),
    exits={exits.BAD_CONFIG: "refused; what held before goes on to hold"},
)
def reload(session: Session) -> int | None:
    """Read the configuration again: all or nothing. Prints what changed, or every error."""
    try:
        document = session.client.post("reload")
    except Refused as error:
        if error.code != "bad_configuration":
            raise
        refused = error.document
        session.show(refused, lambda: "\n".join(refused["errors"]))
        session.note(error.message)
        return exits.BAD_CONFIG
    session.show(document, lambda: "\n".join(_changes(document)))
    return None


def _cancel_run(session: Session, name: str, no_job: Refused) -> Document:
    try:
        return session.client.post("runs", name, "cancel")
    except Refused as error:
        if error.code == "no_such_run" and "ended already" not in error.message:
            raise NotFound(f"no job or run {printable(name)}; {no_job.message}") from None
        raise


def _named(node: str | None) -> dict[str, str]:
    return {} if node is None else {"node": node}


def _tell_node(session: Session, reply: Document, words: str, more: str = "") -> None:
    said = f"{reply['node']}: {reply['message'] or words}{more}"
    session.show(reply, lambda: printable(said))


def _tell(session: Session, reply: Document, words: str) -> None:
    said = reply["message"]
    session.show(reply, lambda: printable(f"{words} ({said})" if said else words))


def _scope(job: str | None, is_all: bool) -> tuple[str, ...]:
    if (job is None) != is_all:
        raise click.UsageError("name one job, or say --all")
    return () if job is None else ("jobs", job)


def _changes(document: Document) -> Iterator[str]:
    kinds = ("added", "changed", "removed")
    for kind in kinds:
        if document[kind]:
            yield f"{kind}: {', '.join(document[kind])}"
    if not any(document[kind] for kind in kinds):
        yield "reloaded; no job has changed"
    for warning in document["warnings"]:
        yield f"warning: {warning}"
