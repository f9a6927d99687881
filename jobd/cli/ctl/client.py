"""Speaks HTTP with the daemon over its Unix socket, and doubts every byte that comes back."""

import grp
import http.client
import json
import os
import pwd
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from jobd.cli.ctl.errors import Garbled, NotPermitted, Refused, Unreachable

ANSWER_WITHIN_S = 35.0  # longer than the daemon itself waits for its scheduler
MAX_BODY_BYTES = 1 << 26

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Client:
    """Asks one daemon. Every method raises a CtlError that says what to do."""

    def __init__(self, path: str, timeout_s: float = ANSWER_WITHIN_S) -> None:
        self.path = path
        self._timeout_s = timeout_s

    def get(self, *parts: str, **query: object) -> Document:
        """Return the JSON behind ``/api/v1/<parts>``; a query of None is left out."""
        return self._document(self._ask("GET", _target(parts, query)))

    def post(self, *parts: str, **body: object) -> Document:
        """Ask for a change; return the daemon's answer."""
        return self._document(self._ask("POST", _target(parts, {}), json.dumps(body).encode()))

    def read(self, *parts: str, **query: object) -> Reply:
        """Return a reply whose body is plain bytes."""
        reply = self._ask("GET", _target(parts, query))
        if reply.status != 200:
            self._document(reply)
            self._garbled(f"status {reply.status}")
        return reply

    def _document(self, reply: Reply) -> Document:
        try:
            document = json.loads(reply.body)
        except (ValueError, RecursionError):
            self._garbled(f"status {reply.status} without JSON")
        if not isinstance(document, dict):
            self._garbled("JSON that is no object")
        if reply.status == 200:
            return document
        error = document.get("error")
        if not isinstance(error, dict) or not {"code", "message"} <= error.keys():
            self._garbled(f"status {reply.status} without an error")
        raise Refused(reply.status, document)

    def _ask(self, method: str, target: str, body: bytes | None = None) -> Reply:
        with closing(_UnixConnection(self.path, self._timeout_s)) as connection:
            try:
                connection.connect()
            except OSError as error:
                self._unreachable(error)
            return self._exchange(connection, method, target, body)

    def _exchange(
        self, connection: "_UnixConnection", method: str, target: str, body: bytes | None
    ) -> Reply:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, target, body, headers)
            return self._read(connection.getresponse())
        except TimeoutError:
            raise Unreachable(
                f"the daemon on {self.path} does not answer within {self._timeout_s:.0f} s; "
                "its log may say why"
            ) from None
        except (http.client.HTTPException, OSError, ValueError) as error:
            self._garbled(f"{type(error).__name__}: {error}")

    def _read(self, response: http.client.HTTPResponse) -> Reply:
        body = response.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            self._garbled("a reply without end")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, body)

    def _unreachable(self, error: OSError) -> NoReturn:
        if isinstance(error, PermissionError):
            raise NotPermitted(
                f"you may not use {self.path} ({_rights(self.path)}); "
                "join its group, or ask with sudo"
            ) from None
        raise Unreachable(
            f"no daemon listens on {self.path} ({error.strerror or error}); start one with "
            '"jobd run" or "systemctl start jobd", or name its socket with --socket or '
            "$JOBD_SOCKET"
        ) from None

    def _garbled(self, what: str) -> NoReturn:
        words = "".join(char if char.isprintable() else "?" for char in what[:200])
        raise Garbled(
            f"what answers on {self.path} is no jobd daemon that this jobd ctl understands "
            f'({words}); compare "jobd --version" with the daemon\'s'
        )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        """Connect to the Unix socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(self._path)


def _target(parts: tuple[str, ...], query: Mapping[str, object]) -> str:
    path = "/api/v1/" + "/".join(_quoted(part) for part in parts)
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _quoted(part: str) -> str:
    """Return a path's part; "." and ".." would be taken for directories."""
    return part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="")


def _rights(path: str) -> str:
    """Return who may: owner, group and mode, as far as they can be seen."""
    try:
        facts = os.stat(path)
    except OSError:
        return "its directory is closed to you"
    return f"{_user(facts.st_uid)}:{group_name(facts.st_gid)}, mode {facts.st_mode & 0o777:04o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Return what a group is called; its number where it has no name."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
