"""Timed: a store whose every call is timed, for the metrics."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from jobd.errors import StoreUnavailable
from jobd.ports import Clock, Store

S = TypeVar("S", bound=Store)
OnCall = Callable[[str, float, bool], None]  # operation, seconds, whether the store answered


class _Timed:
    """Passes everything on to a store and tells how long it took."""

    def __init__(self, store: Store, clock: Clock, on_call: OnCall) -> None:
        self._store = store
        self._clock = clock
        self._on_call = on_call

    @property
    def trouble(self) -> str:
        """See the store's own; a property is no call to be timed."""
        return self._store.trouble

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        call = getattr(self._store, operation)

        @functools.wraps(call)
        async def timed(*arguments: Any, **options: Any) -> Any:
            began_s = self._clock.steady_s()
            try:
                answer = await call(*arguments, **options)
            except StoreUnavailable:
                self._on_call(operation, self._clock.steady_s() - began_s, False)
                raise
            # A call that its caller gave up says nothing about the store: it is not told.
            self._on_call(operation, self._clock.steady_s() - began_s, True)
            return answer

        # The next look-up finds it in the instance: no wrapper is made twice.
        setattr(self, operation, timed)
        return timed


def timed(store: S, clock: Clock, on_call: OnCall) -> S:
    """Return the store with its calls timed."""
    return cast(S, _Timed(store, clock, on_call))
