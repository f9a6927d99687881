"""Delivery: one call with all its tries, and what the log says of it.

URLs are tried again where that may help: no connection, no answer in time, 5xx, 429.
Commands are not, unless nobody was there to execute them: they may have done half of it.
"""

from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import urlsplit

from anyio import sleep

from jobd.config.model import NodeLimits
from jobd.core.hooks import Hook, HookKind, HookResult
from jobd.daemon.hook_order import Answer, Order, body_of
from jobd.daemon.hook_places import Places
from jobd.telemetry.logs import get_log

RETRY_DELAYS_S = (1.0, 5.0, 25.0)
JITTER = 0.2  # each delay is up to a fifth shorter or longer

Post = Callable[[str, bytes, float], Awaitable[Answer]]
Execute = Callable[[Order, float], Awaitable[Answer]]
_Pings = tuple[str, bool]  # a job's name, and whether they are those of its starts


class Delivery:
    """Makes calls, one at a time for whoever asks. ``settings``: those in force."""

    def __init__(
        self, post: Post, execute: Execute, settings: Callable[[], NodeLimits], chance: Random
    ) -> None:
        self._post = post
        self._execute = execute
        self._settings = settings
        self._chance = chance
        self._places = Places(lambda: settings().max_hooks)
        self._told: dict[_Pings, tuple[Hook | None, str]] = {}  # troubles that the log knows

    async def deliver(self, order: Order) -> HookResult:
        """Call until it is done or there is no hope; return how it went."""
        for number, delay_s in enumerate((*RETRY_DELAYS_S, None), 1):
            answer = await self._try(order)
            if not answer.trouble:
                self._tell_success(order, number)
                return HookResult.SUCCESS
            if delay_s is None or not answer.may_retry:
                break
            await sleep(self._spread(delay_s, answer.retry_after_s or 0.0))
        self._tell_failure(order, answer, number)
        return HookResult.FAILURE

    async def _try(self, order: Order) -> Answer:
        try:
            async with self._places.one(_host_of(order)):
                timeout_s = self._settings().hook_timeout.total_seconds()
                url = order.call.hook.url
                if url:
                    return await self._post(url, body_of(order), timeout_s)
                return await self._execute(order, timeout_s)
        except Exception:
            # A defect of ours, met by one call: the others must not suffer for it.
            get_log().exception("a hook could not be called", job=order.job.name)
            return Answer("a defect of jobd; its log has the details")

    def _spread(self, delay_s: float, least_s: float) -> float:
        """Return a delay, never the same for all calls that failed at one time."""
        return max(delay_s, least_s) * (1.0 + JITTER * self._chance.uniform(-1.0, 1.0))

    def _tell_success(self, order: Order, tries: int) -> None:
        if order.call.kind is not HookKind.PING_URL:
            get_log().info("hook called", **_fields(order), tries=tries)
        elif self._told.pop(_pings_of(order), None):
            get_log().info("pings are taken again", **_fields(order))

    def _tell_failure(self, order: Order, answer: Answer, tries: int) -> None:
        """Log it; of pings, which may come every second, only what has changed."""
        if order.call.kind is HookKind.PING_URL:
            trouble = (order.job.hooks.ping_url, answer.trouble)
            if self._told.get(_pings_of(order)) == trouble:
                return
            self._told[_pings_of(order)] = trouble
        more = {"output": answer.output} if answer.output else {}
        get_log().warning(
            "hook failed", **_fields(order), tries=tries, error=answer.trouble, **more
        )


def _pings_of(order: Order) -> _Pings:
    """Return of which pings it is one: a server may take those of ends, and of starts none."""
    return order.job.name, order.record.outcome is None


def _host_of(order: Order) -> str:
    """Return who would suffer from many calls at once: a host, or this machine."""
    return urlsplit(order.call.hook.url).netloc.rpartition("@")[2]


def _fields(order: Order) -> dict[str, str]:
    return {
        "job": order.job.name,
        "run": order.record.run_id,
        "hook": order.call.kind.value,
        "target": order.target,
    }
