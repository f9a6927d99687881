"""``jobd run``: the daemon, in the foreground."""

import gc
import sys
from pathlib import Path

import anyio
import click

from jobd.cli import exits
from jobd.cli.described import Described
from jobd.cli.options import config_option
from jobd.cli.shared_store import shared_store
from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.config.model import Config
from jobd.daemon.lifecycle import Daemon, store_path
from jobd.daemon.systemd import Notifier
from jobd.errors import JobdError, SupervisorError
from jobd.store.sqlite import SqliteStore
from jobd.supervisor.client import SupervisorClient
from jobd.telemetry.logs import configure_logs


@click.command(
    "run",
    cls=Described,
    examples=[
        ("jobd run -c config/jobd.toml", "in the foreground; Ctrl-C stops it"),
    ],
    exits=exits.told(exits.OK, exits.BAD_CONFIG)
    | {
        exits.OS_ERROR: "the supervisor cannot be reached or started",
        exits.CANT_CREATE: "the state directory is held by another daemon, or unusable",
    },
)
@config_option
@click.option(
    "--supervisor",
    "service",
    type=click.Path(path_type=Path),
    help="Socket of a supervisor that is a service of its own and keeps running jobs "
    "while the daemon restarts. Without it the daemon starts one, and ends it.",
)
def run(path: Path, service: Path | None) -> int:
    """Run the daemon in the foreground."""
    configure_logs(sys.stderr, is_terminal=sys.stderr.isatty())
    gc.disable()  # until ready: what is loaded stays, and looking for garbage finds none
    try:
        _run(load(path), service)
    except SupervisorError as error:
        click.echo(f"jobd: {error}", err=True)
        return exits.OS_ERROR
    return exits.OK


def _run(config: Config, service: Path | None) -> None:
    """Run until a clean stop. What ends the daemon is raised bare, if jobd can explain it."""
    try:
        anyio.run(_daemon, config, service)
    except BaseExceptionGroup as group:
        raise _explained(group) or group from None


async def _daemon(config: Config, service: Path | None) -> None:
    state_dir = config.daemon.state_dir
    supervisor = SupervisorClient(
        state_dir, socket=service or state_dir / "supervisor.sock", owned=service is None
    )
    store = _store(config)
    daemon = Daemon(
        config,
        clock=SystemClock(),
        store=store,
        memory=store.node_memory,
        shared=shared_store(config) if config.store.is_shared else None,
        supervisor=supervisor,
        owns_supervisor=service is None,
        notifier=Notifier.from_environment(),
    )
    await daemon.run()


def _store(config: Config) -> SqliteStore:
    path, node = store_path(config), config.daemon.node
    return SqliteStore(path, node=node, migrates=config.store.migrate)


def _explained(group: BaseExceptionGroup[BaseException]) -> JobdError | None:
    """Return the first error of a task group's that is no defect of ours; None if any is."""
    known, others = group.split(JobdError)
    if known is None or others is not None:
        return None
    first: BaseException = known
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, JobdError), "it was split off as one"
    return first
