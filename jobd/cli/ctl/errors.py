"""What can go wrong between ``jobd ctl`` and the daemon, each with its exit status."""

import json
from collections.abc import Mapping
from typing import Any

import click

from jobd.cli import exits

_EXIT_BY_CODE = {
    "no_such_job": exits.NO_INPUT,
    "no_such_run": exits.NO_INPUT,
    "no_such_node": exits.NO_INPUT,
    "output_gone": exits.NO_INPUT,
    "no_node": exits.TEMP_FAIL,
    "not_here": exits.TEMP_FAIL,
    "store_down": exits.TEMP_FAIL,
    "busy": exits.TEMP_FAIL,
    "bad_request": exits.USAGE,
    "bad_configuration": exits.BAD_CONFIG,
    "not_permitted": exits.NO_PERMISSION,
}


class CtlError(Exception):
    """An error that ends ``jobd ctl``: a message, the same as JSON, and an exit status."""

    exit_code: int = exits.FAILED
    code: str = "failed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.document: Mapping[str, Any] = {"error": {"code": self.code, "message": message}}

    def show(self, *, as_json: bool) -> None:
        """Print the message for people, and the one JSON document if it is asked for."""
        if as_json:
            click.echo(json.dumps(self.document))
        click.echo(f"jobd ctl: {self.message}", err=True)


class Unreachable(CtlError):
    """Nobody listens on the socket, or whoever does is silent."""

    exit_code = exits.UNAVAILABLE
    code = "unreachable"


class NotPermitted(CtlError):
    """The socket is there, but not for this user."""

    exit_code = exits.NO_PERMISSION
    code = "not_permitted"


class Garbled(CtlError):
    """What came back is not what a jobd daemon of this version says."""

    exit_code = exits.PROTOCOL
    code = "garbled"


class Misconfigured(CtlError):
    """The configuration that should name the socket cannot be read."""

    exit_code = exits.BAD_CONFIG
    code = "bad_configuration"


class NotFound(CtlError):
    """There is no such job or run."""

    exit_code = exits.NO_INPUT
    code = "not_found"


class Refused(CtlError):
    """The daemon understood and said no. ``code`` and ``error`` are its words."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.error: Mapping[str, Any] = document["error"]
        super().__init__(printable(str(self.error["message"])))
        self.code = str(self.error["code"])
        self.document = document
        fallback = exits.UNAVAILABLE if status >= 500 else exits.FAILED
        self.exit_code = _EXIT_BY_CODE.get(self.code, fallback)


def printable(text: str) -> str:
    """Return the text without anything that a terminal could obey."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
