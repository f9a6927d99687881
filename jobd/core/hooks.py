"""Hooks: who is told how a run went, and of which runs.

The law, per run and never per attempt::

    run                 on_failure   on_recovery              on_success   ping_url
    has started         -            -                        -            /start
    success             -            if the one before failed called       (nothing added)
    canceled            -            -                        -            -
    any other outcome   called       -                        -            /fail

A canceled run is told to nobody: whoever stopped it knows, and it says nothing about the
job. A ping that its start announced is then left open, which the check behind it takes as
silence once its time is over.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from jobd.core.outcome import Outcome

_HIDDEN = "***"
_AUTHORITY = re.compile(r"(https?://)(?:[^/?#@]*@)?([^/?#]*)", re.IGNORECASE)


class HookKind(StrEnum):
    """The key that asks for a call."""

    ON_FAILURE = "on_failure"
    ON_RECOVERY = "on_recovery"
    ON_SUCCESS = "on_success"
    PING_URL = "ping_url"


class HookResult(StrEnum):
    """What became of a call. ``dropped``: it was never made, or not to its end."""

    SUCCESS = "success"
    FAILURE = "failure"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Hook:
    """A command to execute, or a URL to post to. Neither is logged: both may hold secrets."""

    argv: tuple[str, ...] = ()
    url: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """Return what people may be shown: the program, or the host."""
        return shown_url(self.url) if self.url else self.argv[0]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a job has to be called about its runs."""

    on_failure: Hook | None = None
    on_recovery: Hook | None = None
    on_success: Hook | None = None
    ping_url: Hook | None = None

    def of(self, kind: HookKind) -> Hook | None:
        """Return what is called under this key."""
        found: Hook | None = getattr(self, kind.value)
        return found

    @property
    def kinds(self) -> tuple[HookKind, ...]:
        """Return the keys that the job has."""
        return tuple(kind for kind in HookKind if self.of(kind) is not None)


NO_HOOKS = Hooks()  # what most jobs have: this very one, so that a look at it tells


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a hook: what to execute, or where to post to, a ping's suffix included."""

    kind: HookKind
    hook: Hook


def calls_at_start(hooks: Hooks) -> tuple[Call, ...]:
    """Return whom to call when a run has begun."""
    return _pings(hooks, "start")


def calls_at_end(
    hooks: Hooks, outcome: Outcome | None, prior: str | None = None
) -> tuple[Call, ...]:
    """Return whom to call about a run that is over; ``prior``: how the one before it ended."""
    if hooks is NO_HOOKS or outcome is None or outcome is Outcome.CANCELED:
        return ()
    if outcome is not Outcome.SUCCESS:
        return (*_pings(hooks, "fail"), *_calls(hooks, HookKind.ON_FAILURE))
    kinds = [HookKind.ON_SUCCESS]
    if is_failure(prior):
        kinds.insert(0, HookKind.ON_RECOVERY)
    return (*_pings(hooks, ""), *_calls(hooks, *kinds))


def is_failure(outcome: str | None) -> bool:
    """Whether an outcome is one of which ``on_failure`` is told."""
    return outcome not in (None, Outcome.SUCCESS, Outcome.CANCELED)


def with_suffix(url: str, suffix: str) -> str:
    """Return a ping's URL with a word more in its path, whatever query stands behind that."""
    if not suffix:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{suffix}"))


def shown_url(url: str) -> str:
    """Return a URL as it may be shown: the path is a token where pings are sent to, the query
    and a login may hold others, so no more than the host is left."""
    match = _AUTHORITY.match(url)
    return f"{match[1]}{match[2]}/{_HIDDEN}" if match else _HIDDEN


def _pings(hooks: Hooks, suffix: str) -> tuple[Call, ...]:
    ping = hooks.ping_url
    if ping is None:
        return ()
    return (Call(HookKind.PING_URL, Hook(url=with_suffix(ping.url, suffix))),)


def _calls(hooks: Hooks, *kinds: HookKind) -> tuple[Call, ...]:
    found = ((kind, hooks.of(kind)) for kind in kinds)
    return tuple(Call(kind, hook) for kind, hook in found if hook is not None)
