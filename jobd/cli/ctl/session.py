"""One invocation of ``jobd ctl``: which daemon it asks, and how it answers."""

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from jobd.cli.ctl.client import Client, Document
from jobd.cli.ctl.errors import CtlError, Garbled, Misconfigured
from jobd.cli.described import Described, Example, Exits
from jobd.errors import ConfigError

CONFIG = "/etc/jobd/jobd.toml"
SOCKET = "/run/jobd/jobd.sock"  # the configuration's default
NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What the command line said about the daemon and the form of the answer."""

    socket: str | None = None
    config: str | None = None
    as_json: bool = False

    def or_else(self, outer: "SessionOptions") -> "SessionOptions":
        """Return these options, filled up with those given before the sub-command."""
        return SessionOptions(
            self.socket or outer.socket,
            self.config or outer.config,
            self.as_json or outer.as_json,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """The daemon to ask, and whether the answer is one JSON document."""

    client: Client
    as_json: bool

    def show(self, document: Document, render: Callable[[], str]) -> None:
        """Print the document, as JSON or as what ``render`` makes of it."""
        text = json.dumps(document) if self.as_json else render()
        if text:
            click.echo(text)

    def note(self, words: str) -> None:
        """Say something beside the answer."""
        click.echo(f"jobd ctl: {words}", err=True)


def target_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every ctl command has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option(
            "-c",
            "--config",
            type=click.Path(readable=False),
            metavar="PATH",
            help=f"Its configuration [{CONFIG}].",
        ),
        click.option(
            "--socket",
            type=click.Path(readable=False),
            metavar="PATH",
            help="The daemon's socket [$JOBD_SOCKET].",
        ),
    ):
        function = option(function)
    return function


def limit_option(default: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option of a command that lists something, the newest first."""
    return click.option(
        "--limit",
        type=click.IntRange(1, 1000),
        default=default,
        show_default=True,
        metavar="N",
        help="How many at most.",
    )


def ctl_command(
    *examples: Example, exits: Exits | None = None
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a ctl command of a function whose first argument is the Session.

    An answer that the function cannot make sense of is the daemon's fault, or another
    version's: it ends with a message, never with a traceback.
    """

    def command(function: Callable[..., Any]) -> click.Command:
        name = function.__name__.replace("_", "-")
        made = click.command(name, cls=Described, examples=examples, exits=exits)
        return made(target_options(_asking(function)))

    return command


def _asking(function: Callable[..., Any]) -> Callable[..., int | None]:
    """Return what a command does: find the daemon, let the function ask, tell what is wrong."""

    @functools.wraps(function)
    def run(socket: str | None, config: str | None, as_json: bool, **arguments: Any) -> int | None:
        given = SessionOptions(socket, config, as_json)
        options = given.or_else(click.get_current_context().obj or SessionOptions())
        try:
            path = find_socket(options)
            return _understood(function, Session(Client(path), options.as_json), arguments)
        except CtlError as error:
            error.show(as_json=options.as_json)
            return error.exit_code

    return run


def find_socket(options: SessionOptions) -> str:
    """Return the daemon's socket: as given, from $JOBD_SOCKET, or as configured."""
    if options.socket:
        return options.socket
    if os.environ.get("JOBD_SOCKET") and not options.config:
        return os.environ["JOBD_SOCKET"]
    if options.config is None and not os.access(CONFIG, os.R_OK):
        return SOCKET
    from jobd.config.socket import socket_path  # imports a TOML reader, seldom needed

    try:
        return str(socket_path(Path(options.config or CONFIG)))
    except ConfigError as error:
        raise Misconfigured(str(error)) from None


def _understood(
    function: Callable[..., Any], session: Session, arguments: dict[str, Any]
) -> int | None:
    try:
        result = function(session, **arguments)
    except NOT_UNDERSTOOD as error:
        raise Garbled(
            f"the answer from {session.client.path} is not understood "
            f'({type(error).__name__}: {error}); compare "jobd --version" with the daemon\'s'
        ) from error
    assert result is None or isinstance(result, int)
    return result
