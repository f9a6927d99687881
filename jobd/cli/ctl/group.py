"""The ``jobd ctl`` group: its sub-commands, imported one at a time."""

import click

from jobd.cli import exits
from jobd.cli.ctl.session import SessionOptions, target_options
from jobd.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "status": Lazy("jobd.cli.ctl.status", "status", "What runs, waits, failed and comes next."),
    "jobs": Lazy("jobd.cli.ctl.status", "jobs", "Every job and where it stands."),
    "show": Lazy("jobd.cli.ctl.show", "show", "One job, with every effective limit."),
    "runs": Lazy("jobd.cli.ctl.runs", "runs", "Runs, newest first."),
    "logs": Lazy("jobd.cli.ctl.logs", "logs", "What a run wrote."),
    "trigger": Lazy("jobd.cli.ctl.trigger", "trigger", "Run a job now."),
    "cancel": Lazy("jobd.cli.ctl.control", "cancel", "Stop a run, or every run of a job."),
    "pause": Lazy("jobd.cli.ctl.control", "pause", "Skip a job's ticks until it is resumed."),
    "resume": Lazy("jobd.cli.ctl.control", "resume", "End a pause."),
    "skip-next": Lazy("jobd.cli.ctl.control", "skip_next", "Skip just the next tick of a job."),
    "drain": Lazy("jobd.cli.ctl.control", "drain", "Let this node start nothing new."),
    "undrain": Lazy("jobd.cli.ctl.control", "undrain", "Let this node start runs again."),
    "nodes": Lazy("jobd.cli.ctl.nodes", "nodes", "Every node of the cluster."),
    "pools": Lazy("jobd.cli.ctl.nodes", "pools", "Every pool and who has its slots."),
    "why": Lazy("jobd.cli.ctl.why", "why", "Why a job ran, or did not."),
    "report": Lazy("jobd.cli.ctl.report", "report", "What takes too much, or will, and when."),
    "reload": Lazy("jobd.cli.ctl.control", "reload", "Read the configuration again."),
    "top": Lazy("jobd.cli.ctl.top", "top", "A live view, in a terminal."),
}

_EXITS = exits.told(
    exits.OK, exits.USAGE, exits.NO_INPUT, exits.UNAVAILABLE, exits.TEMP_FAIL,
    exits.PROTOCOL, exits.NO_PERMISSION, exits.BAD_CONFIG,
)  # fmt: skip


@click.group(cls=LazyGroup, commands_of=COMMANDS, exits=_EXITS)
@target_options
@click.pass_context
def ctl(context: click.Context, socket: str | None, config: str | None, as_json: bool) -> None:
    """Ask or control the daemon on this node, and through it the cluster.

    It is found at --socket, $JOBD_SOCKET, or the socket that the configuration names.
    """
    context.obj = SessionOptions(socket, config, as_json)
