"""Hooks as they are written: a command, or where to post to.

A text is split like ``command``, and no shell reads it whatever ``shell`` says: that key is
about the job's own command. "" and [] are none, for a job that shall not have the default's.
"""

import re
import shlex
from urllib.parse import quote

from jobd.config import kinds
from jobd.config.names import is_port
from jobd.config.problem import Unfit
from jobd.core.hooks import Hook

JOB_PLACE = "{job}"  # becomes the job's name: what makes a URL of [defaults] each job's own
LONGEST_URL = 2000

_EXAMPLE = '"https://HOST/PATH"'
_URL = re.compile(
    r"https?://(?:[^/?#@]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[^/?#@]*))?"
    r"(?:[/?][^#]*)?",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def hook(value: object) -> Hook | None:
    """Return what ``on_failure`` and its like call."""
    if isinstance(value, dict):
        if value.keys() != {"url"}:
            raise Unfit(
                "is no hook", f"write a command, or {{ url = {_EXAMPLE} }} and no other key"
            )
        return Hook(url=_url(value["url"]))
    if value in ("", []):
        return None
    if isinstance(value, str) and _SCHEME.match(value):
        raise Unfit("is a URL where a command stands", f"write {{ url = {_EXAMPLE} }}")
    command = kinds.command(value)
    return Hook(argv=_split(command) if isinstance(command, str) else command)


def ping_url(value: object) -> Hook | None:
    """Return what is pinged."""
    if isinstance(value, dict):
        raise Unfit("is a table", f"write the URL as it is: {_EXAMPLE}")
    return Hook(url=_url(value)) if value != "" else None


def of_job(hook: Hook, name: str) -> Hook:
    """Return a hook with the job's name where its URL leaves a place for that."""
    if JOB_PLACE not in hook.url:
        return hook
    return Hook(url=hook.url.replace(JOB_PLACE, quote(name, safe="")))


def _split(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        reason = str(error)[:1].lower() + str(error)[1:]
        raise Unfit(f"cannot be split: {reason}", "close it, or write a list") from None
    if not words or not words[0]:
        raise Unfit("names no program", "write what to execute")
    return words


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit("is no URL", f"write it in quotes, like {_EXAMPLE}")
    if len(value) > LONGEST_URL:
        raise Unfit("is too long", f"write at most {LONGEST_URL} characters")
    if _UNPRINTABLE.search(value):
        raise Unfit("holds what cannot stand in a URL", "write %20 for a space, %C3%A4 for an ä")
    if "#" in value:
        raise Unfit("holds a #, and what follows it is never sent", "leave it out, or write %23")
    match = _URL.fullmatch(value)
    if match is None:
        raise _no_url(value)
    if match["port"] is not None and not is_port(match["port"]):
        raise Unfit("has no valid port", "write a port from 1 to 65535, like HOST:8080")
    return value


def _no_url(value: str) -> Unfit:
    # None of it is repeated but the scheme: the rest may be a token.
    scheme = _SCHEME.match(value)
    if scheme is None:
        return Unfit("is no URL", f"write it with its scheme, like {_EXAMPLE}")
    if scheme[1].lower() not in ("http", "https"):
        return Unfit(f"is a URL of {scheme[1][:20]}://", "write one of https:// or http://")
    return Unfit("is a URL without a valid host", f"write it like {_EXAMPLE}")
