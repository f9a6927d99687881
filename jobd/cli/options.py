"""Options that more than one command has. ``jobd ctl`` has its own: it asks a daemon."""

from pathlib import Path

import click

from jobd.errors import JobdError

DEFAULT_CONFIG = Path("/etc/jobd/jobd.toml")

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, readable=False),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="Configuration file, or a directory of them.",
)


def configured_jobs(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Return the configured jobs whose names begin so, for a shell's completion: none, and not a
    word, where the configuration cannot be read."""
    from jobd.config.load import load

    try:
        jobs = load(context.params.get("path") or DEFAULT_CONFIG).jobs
    except JobdError:
        return []
    return [name for name in jobs if name.startswith(begun)]
