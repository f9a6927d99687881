"""The inbox: events on their way, and who waits for them."""

import anyio

from jobd.core.events import RunNotStarted, Woke
from jobd.daemon.inbox import Inbox


def test_events_are_taken_in_the_order_in_which_they_were_put() -> None:
    inbox = Inbox()
    events = [RunNotStarted(name, "") for name in "abc"]
    for event in events:
        inbox.put(event)
    assert inbox.take() == events


def test_what_was_taken_is_not_taken_again() -> None:
    inbox = Inbox()
    inbox.put(Woke())
    inbox.take()
    assert (inbox.take(), inbox.is_empty) == ([], True)


async def test_an_event_ends_the_wait_long_before_its_time() -> None:
    inbox = Inbox()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inbox.wait, 3600.0)
            await anyio.lowlevel.checkpoint()
            inbox.put(Woke())


async def test_an_event_that_is_there_already_needs_no_wait() -> None:
    inbox = Inbox()
    inbox.put(Woke())
    with anyio.fail_after(10):
        await inbox.wait(3600.0)


async def test_without_an_event_the_wait_ends_at_its_time() -> None:
    inbox = Inbox()
    await inbox.wait(0.001)
    assert inbox.is_empty


async def test_an_earlier_event_does_not_end_a_later_wait() -> None:
    """Else the loop would spin after each event."""
    inbox = Inbox()
    inbox.put(Woke())
    await inbox.wait(3600.0)
    inbox.take()
    with anyio.move_on_after(0.01) as bound:
        await inbox.wait(3600.0)
    assert bound.cancelled_caught
