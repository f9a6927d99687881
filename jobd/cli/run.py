"""``jobd run``: the daemon, in the foreground."""

import sys
from pathlib import Path

import anyio
import click

from jobd.clock import SystemClock
from jobd.config.load import load
from jobd.config.model import Config
from jobd.daemon.lifecycle import Daemon, store_path
from jobd.daemon.systemd import Notifier
from jobd.errors import ConfigError, JobdError, StateError, SupervisorError
from jobd.store.sqlite import SqliteStore
from jobd.supervisor.client import SupervisorClient
from jobd.telemetry.logs import configure_logs

EX_CONFIG = 78
EX_CANTCREAT = 73
EX_OSERR = 71


@click.command("run")
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("/etc/jobd/jobd.toml"),
    show_default=True,
    help="Configuration file, or a directory of them.",
)
@click.option(
    "--supervisor",
    "service",
    type=click.Path(path_type=Path),
    help="Socket of a supervisor that is a service of its own and keeps running jobs "
    "while the daemon restarts. Without it the daemon starts one, and ends it.",
)
def run(path: Path, service: Path | None) -> None:
    """Run the daemon in the foreground."""
    configure_logs(sys.stderr, is_terminal=sys.stderr.isatty())
    try:
        config = load(path)
        anyio.run(_daemon, config, service)
    except ConfigError as error:
        _give_up(error, EX_CONFIG)
    except StateError as error:
        _give_up(error, EX_CANTCREAT)
    except SupervisorError as error:
        _give_up(error, EX_OSERR)


async def _daemon(config: Config, service: Path | None) -> None:
    state_dir = config.daemon.state_dir
    supervisor = SupervisorClient(
        state_dir, socket=service or state_dir / "supervisor.sock", owned=service is None
    )
    daemon = Daemon(
        config,
        clock=SystemClock(),
        store=SqliteStore(store_path(config), node=config.daemon.node),
        supervisor=supervisor,
        owns_supervisor=service is None,
        notifier=Notifier.from_environment(),
    )
    await daemon.run()


def _give_up(error: JobdError, status: int) -> None:
    click.echo(f"jobd: {error}", err=True)
    sys.exit(status)
