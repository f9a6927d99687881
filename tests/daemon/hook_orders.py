"""Orders of calls, for the tests of those who make them."""

from typing import Any

from jobd.core.effects import CallHooks
from jobd.core.hooks import Call, Hook, HookKind
from jobd.core.job import Job
from jobd.core.outcome import Outcome
from jobd.daemon.hook_order import Order
from tests.daemon.fakes import finish_of, job_of, run_of


def order_of(
    hook: Hook, kind: HookKind = HookKind.ON_FAILURE, job: Job | None = None, **run: Any
) -> Order:
    """Return an order to call about a run that failed."""
    job = job or job_of()
    record = finish_of(run_of(job.name, **run), Outcome.FAILURE).record
    return Order(job, record, Call(kind, hook), "success")


def effect_of(*orders: Order, is_doubtful: bool = False) -> CallHooks:
    """Return what the scheduler asks for, of orders about one run."""
    first = orders[0]
    calls = tuple(order.call for order in orders)
    return CallHooks(first.job, first.record, calls, first.prior, is_doubtful=is_doubtful)
