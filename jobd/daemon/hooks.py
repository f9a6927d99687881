"""Hooks: those who want to know are called, and no run ever waits for that.

The scheduler hands calls over and goes on. Here they wait; ``hook_delivery`` makes one with
all its tries, each in one of the ``hook_places``; ``hook_post`` tries a URL, ``hook_commands``
a command. ``hook_order`` is what they are handed, and what they answer.

Calls of one job are made in order, those of its pings and those of its hooks apart; of all jobs
at most ``max_hooks`` at a time. What waits is bounded: of one job's pings, or hooks, the newest
``MOST_OF_A_JOB``, of all ``MOST_WAITING``; what is beyond is dropped, and counted.

A call is made once, as a rule. A daemon that is killed between a run's end and the call
makes none, and one that is killed just after both may leave the next to call again.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from jobd.core.effects import CallHooks
from jobd.core.hooks import HookKind, HookResult
from jobd.core.run import RunRecord
from jobd.daemon.hook_order import Order
from jobd.telemetry.logs import get_log

MOST_WAITING = 1000
MOST_OF_A_JOB = 20
CLOSE_S = 5.0  # what a stop grants calls that are still to be made

Deliver = Callable[[Order], Awaitable[HookResult]]
Count = Callable[[str, HookKind, HookResult], None]
_Line = tuple[str, bool]  # a job's name, and whether it is the line of its pings


class Hooks:
    """Has the calls made that the scheduler asks for."""

    def __init__(self, deliver: Deliver, count: Count) -> None:
        self._deliver = deliver
        self._count = count
        self._lines: dict[_Line, deque[Order]] = {}  # the first of each is under way
        self._doubtful: dict[tuple[str, int], CallHooks] = {}
        self._pending = 0
        self._dropped = 0  # since there was room last
        self._tasks: TaskGroup | None = None
        self._idle = anyio.Event()

    def put(self, effect: CallHooks) -> None:
        """Take calls over; never waits."""
        if not effect.is_doubtful:
            self._accept(effect)
        elif len(self._doubtful) < MOST_WAITING:
            self._doubtful[effect.record.run_id, effect.record.token] = effect
        else:
            self._drop(*_orders(effect))

    def settled(self, record: RunRecord, is_taken: bool) -> None:
        """Make the calls of a doubtful end now that the store has taken it; or forget them:
        then another node's word on that run counts, and that node makes them."""
        effect = self._doubtful.pop((record.run_id, record.token), None)
        if effect is not None and is_taken:
            self._accept(effect)

    async def run(self) -> None:
        """Have calls made until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for line in self._lines:
                tasks.start_soon(self._work_off, line)
            await anyio.sleep_forever()

    async def close(self, goes_on: Callable[[Order], bool]) -> None:
        """Have those calls made that can be in a short time, and drop the rest, but for those
        that ``goes_on`` without this daemon.

        Doubtful ones are made, too: nobody here will know better, and to be told twice of a
        lost run is better than never.
        """
        for record in [effect.record for effect in self._doubtful.values()]:
            self.settled(record, True)
        with anyio.move_on_after(CLOSE_S if self._pending else 0):
            self._idle = anyio.Event()
            await self._idle.wait()
        left = [order for orders in self._lines.values() for order in orders]
        dropped = [order for order in left if not goes_on(order)]
        if left:
            get_log().warning(
                "stopping before all hooks were called",
                dropped=len(dropped),
                going_on=len(left) - len(dropped),
            )
        for order in dropped:
            self._count(order.job.name, order.call.kind, HookResult.DROPPED)

    def _accept(self, effect: CallHooks) -> None:
        for order in _orders(effect):
            if self._pending >= MOST_WAITING:
                self._drop(order)
            else:
                self._line_up(order)

    def _line_up(self, order: Order) -> None:
        line = (order.job.name, order.call.kind is HookKind.PING_URL)
        orders = self._lines.get(line)
        self._pending += 1
        if orders is None:
            self._lines[line] = deque([order])
            if self._tasks is not None:
                self._tasks.start_soon(self._work_off, line)
            return
        if len(orders) > MOST_OF_A_JOB:
            # The oldest that is not under way: a newer one says more of how the job is now.
            oldest = orders[1]
            del orders[1]
            self._pending -= 1
            self._drop(oldest)
        orders.append(order)

    async def _work_off(self, line: _Line) -> None:
        orders = self._lines[line]
        while orders:
            order = orders[0]
            result = await self._deliver(order)
            self._count(order.job.name, order.call.kind, result)
            orders.popleft()
            self._pending -= 1
            self._notice_room()
        del self._lines[line]
        if not self._lines:
            self._idle.set()

    def _drop(self, *orders: Order) -> None:
        for order in orders:
            self._count(order.job.name, order.call.kind, HookResult.DROPPED)
        if not self._dropped:
            get_log().warning(
                "hooks are dropped: calls come faster than they can be made",
                job=orders[0].job.name,
                hook=orders[0].call.kind.value,
                waiting=self._pending,
            )
        self._dropped += len(orders)

    def _notice_room(self) -> None:
        if self._dropped and self._pending <= MOST_OF_A_JOB // 2:
            get_log().info("hooks are called again", dropped=self._dropped)
            self._dropped = 0


def _orders(effect: CallHooks) -> list[Order]:
    return [Order(effect.job, effect.record, call, effect.prior) for call in effect.calls]
