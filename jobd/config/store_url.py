"""Store URL: "sqlite", or where PostgreSQL is; with a password that nobody is shown.

The form is libpq's (PostgreSQL's manual, "Connection URIs"), several hosts included. What
it reserves must be escaped in names and passwords, so that a URL is read in one way only
and what is hidden of it is all that must be.
"""

import re
from urllib.parse import quote, unquote

from jobd.config.names import is_port
from jobd.config.problem import Unfit

SQLITE = "sqlite"
_EXAMPLE = '"postgresql://USER@HOST/DATABASE"'
_HIDDEN = "***"

_URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://"
    r"(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?"
    r"(?P<hosts>[^@/?#]*)"
    r"(?:/(?P<database>[^@/?#]*))?"
    r"(?:\?(?P<query>[^@?#]*))?"
)
_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.%a-z]+\]|(?:[\w.-]|%[0-9A-Fa-f]{2})*)(?::(?P<port>.*))?"
)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MEANT = re.compile(
    r"(?:jdbc:)?(?:psql|pg|postgres\w*)(?:\+\w+)?(?::.*)?|(?:host|dbname|user)\s*=.*", re.I | re.S
)
_SECRET_PARAMETER = re.compile("pass|secret|key|token", re.IGNORECASE)


def store_url(value: object) -> str:
    """Return "sqlite" or a URL of PostgreSQL as it was written."""
    if value == SQLITE:
        return SQLITE
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise _no_store(value)
    _check_characters(value)
    match = _URL.fullmatch(value)
    if match is None:
        mend = "write %40, %2F, %3F and %23 for @, /, ? and # in a name or a password"
        raise Unfit("holds a character that must be escaped where it stands", mend)
    _check_hosts(match["hosts"].split(","))
    _check_parameters(match["query"])
    return value


def shown(url: str) -> str:
    """Return the URL as it may be shown: without a password, and nothing of what is no URL."""
    if url == SQLITE:
        return url
    match = _URL.fullmatch(url)
    if match is None or _complaint(url):
        return _HIDDEN
    login = match["user"] or ""
    login += f":{_HIDDEN}" if match["password"] else ""
    return _joined(match, login, "&".join(map(_shown_parameter, _parameters(match))))


def _complaint(url: str) -> str:
    try:
        store_url(url)
    except Unfit as unfit:
        return str(unfit)
    return ""


def has_password(url: str) -> bool:
    """Return whether the URL itself holds a password."""
    match = _URL.fullmatch(url)
    return match is not None and bool(
        match["password"] or any(map(_is_password, _parameters(match)))
    )


def passwords_of(url: str) -> tuple[str, ...]:
    """Return the passwords that the URL holds, as they are written and as they are meant."""
    match = _URL.fullmatch(url)
    if match is None:
        return ()
    parameters = (part.partition("=")[2] for part in _parameters(match) if _is_password(part))
    written = [text for text in (match["password"], *parameters) if text]
    return tuple(dict.fromkeys([*written, *map(unquote, written)]))


def with_password(url: str, password: str) -> str:
    """Return a URL of PostgreSQL with this password in place of the one that it may hold."""
    match = _URL.fullmatch(url)
    assert match is not None, "only a URL that was judged is given a password"
    others = [part for part in _parameters(match) if not _is_password(part)]
    login = f"{match['user'] or ''}:{quote(password, safe='')}"
    return _joined(match, login, "&".join(others))


def _joined(match: re.Match[str], login: str, query: str) -> str:
    database = "" if match["database"] is None else f"/{match['database']}"
    login = f"{login}@" if login else ""
    return f"{match['scheme']}://{login}{match['hosts']}{database}" + (f"?{query}" if query else "")


def _parameters(match: re.Match[str]) -> list[str]:
    return match["query"].split("&") if match["query"] else []


def _is_password(parameter: str) -> bool:
    return unquote(parameter.partition("=")[0]) == "password"


def _shown_parameter(parameter: str) -> str:
    name = parameter.partition("=")[0]
    return f"{name}={_HIDDEN}" if _SECRET_PARAMETER.search(unquote(name)) else parameter


def _no_store(value: object) -> Unfit:
    written = value if isinstance(value, str) else ""
    if written.lower().startswith(SQLITE):
        return Unfit("is no store", f'write "{SQLITE}": its file is in state_dir')
    if _MEANT.fullmatch(written):
        return Unfit("is no URL of PostgreSQL", f"write it like {_EXAMPLE}")
    return Unfit("is no store", f'write "{SQLITE}", or {_EXAMPLE}')


def _check_characters(url: str) -> None:
    if _UNPRINTABLE.search(url):
        raise Unfit("holds white space or a control character", "write %20 for a space")
    if _BAD_ESCAPE.search(url):
        raise Unfit("holds a % that escapes nothing", "write %25 for a percent sign")
    if "%00" in url:
        raise Unfit("holds a NUL character", "leave it out")


def _check_hosts(hosts: list[str]) -> None:
    for host in hosts:
        # None of it is repeated: where a URL is malformed, a password may stand anywhere.
        if host.count(":") > 1 and not host.startswith("["):
            raise Unfit("holds an IPv6 address without brackets", 'write "[::1]:5432"')
        match = _HOST.fullmatch(host)
        if match is None:
            raise Unfit("names a host that cannot be one", f"write it like {_EXAMPLE}")
        if not match["name"] and len(hosts) > 1:
            raise Unfit("has an empty place among its hosts", 'write "HOST1,HOST2"')
        if match["port"] and not is_port(match["port"]):
            raise Unfit("has no valid port", "write a port from 1 to 65535, like HOST:5432")


def _check_parameters(query: str | None) -> None:
    for parameter in query.split("&") if query else ():
        name, _, value = parameter.partition("=")
        if not name or not value:
            raise Unfit("has a parameter without a value", "write ?NAME=VALUE&NAME=VALUE")
