"""The node's own figures."""

import platform
from dataclasses import replace
from typing import Any

import pytest

import jobd
from jobd.core.ledger import SkipReason
from jobd.core.view import PoolView, RoomView
from jobd.telemetry.node import STORE_OPERATIONS


async def test_the_build_is_named(node: Any) -> None:
    found = await node.samples()
    labels = {"version": jobd.__version__, "python": platform.python_version()}
    assert found.value("jobd_build_info", **labels) == 1


async def test_every_store_operation_is_there_before_its_first_call(node: Any) -> None:
    """An alert on ``increase()`` never sees a counter's first error if that makes the series."""
    found = await node.samples()
    names = {labels["operation"] for labels in found.labels("jobd_store_errors_total")}
    assert names == set(STORE_OPERATIONS)
    assert found.total("jobd_store_errors_total") == 0


async def test_calls_to_the_store_are_timed_by_operation(node: Any) -> None:
    node.telemetry.store_call("claim", 0.004, True)
    node.telemetry.store_call("claim", 0.2, True)
    found = await node.samples()
    name = "jobd_store_latency_seconds"
    assert found.value(f"{name}_bucket", operation="claim", le="0.005") == 1
    assert found.value(f"{name}_count", operation="claim") == 2
    assert found.value(f"{name}_sum", operation="claim") == pytest.approx(0.204)


async def test_the_store_is_up_if_it_answered_last_time(node: Any) -> None:
    seen = [(await node.samples()).value("jobd_store_up")]
    for ok in (True, False, True):
        node.telemetry.store_call("ping", 0.001, ok)
        seen.append((await node.samples()).value("jobd_store_up"))
    assert seen == [0, 1, 0, 1]
    assert (await node.samples()).value("jobd_store_errors_total", operation="ping") == 1


async def test_an_operation_nobody_listed_is_counted_all_the_same(node: Any) -> None:
    node.telemetry.store_call("renew", 0.001, False)
    found = await node.samples()
    assert found.value("jobd_store_errors_total", operation="renew") == 1


async def test_the_loop_s_lag_is_the_worst_of_the_last_minute(node: Any) -> None:
    """A scrape every 15 s must see a stall that lasted one beat of a second."""
    for lag_s in (0.001, 2.0, *[0.002] * 59):
        node.telemetry.loop_lag(lag_s)
    assert (await node.samples()).value("jobd_loop_lag_seconds") == 2.0
    node.telemetry.loop_lag(0.002)
    assert (await node.samples()).value("jobd_loop_lag_seconds") == 0.002


async def test_admission_holds_while_every_place_is_taken(node: Any) -> None:
    seen = []
    for holding in ((), ("max_running",)):
        room = RoomView(holding=frozenset(map(SkipReason, holding)))
        node.figures = replace(node.figures, room=room, waiting=3)
        found = await node.samples()
        assert found.value("jobd_waiting") == 3
        seen.append(found.value("jobd_admission_holding", reason="max_running"))
        assert found.value("jobd_admission_holding", reason="pressure") == 0
    assert seen == [0, 1]


async def test_a_drained_node_says_so(node: Any) -> None:
    seen = []
    for is_draining in (False, True):
        node.figures = replace(node.figures, is_draining=is_draining)
        seen.append((await node.samples()).value("jobd_draining"))
    assert seen == [0, 1]


async def test_reserved_memory_is_shown_beside_its_budget(node: Any) -> None:
    node.figures = replace(node.figures, room=RoomView(3 << 20, 5 << 20))
    found = await node.samples()
    assert found.value("jobd_memory_reserved_bytes") == 3 << 20
    assert found.value("jobd_memory_budget_bytes") == 5 << 20


async def test_every_pool_is_there_before_anything_runs_in_it(node: Any) -> None:
    pools = (PoolView("database", 2, 0, "cluster"), PoolView("disk", 1, 1, "node"))
    node.figures = replace(node.figures, pools=pools)
    found = await node.samples()
    assert found.value("jobd_pool_size", pool="database") == 2
    assert found.value("jobd_pool_running", pool="database") == 0
    assert found.value("jobd_pool_running", pool="disk") == 1


async def test_leases_that_were_not_renewed_are_counted(node: Any) -> None:
    seen = [(await node.samples()).value("jobd_lease_renew_failures_total")]
    for count in (1, 3):
        node.telemetry.renewals_failed(count)
        seen.append((await node.samples()).value("jobd_lease_renew_failures_total"))
    assert seen == [0, 1, 4]


async def test_the_offset_of_the_store_s_clock_is_the_last_one_measured(node: Any) -> None:
    seen = [(await node.samples()).value("jobd_clock_offset_seconds")]
    for offset_s in (2.5, -0.25):
        node.telemetry.clock_offset(offset_s)
        seen.append((await node.samples()).value("jobd_clock_offset_seconds"))
    assert seen == [0, 2.5, -0.25]


async def test_the_process_is_measured(node: Any) -> None:
    found = await node.samples()
    assert found.value("process_resident_memory_bytes") > 1 << 20
    assert found.value("process_start_time_seconds") > 0
