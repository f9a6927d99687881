"""Calls of hooks in the metrics: from zero on, for the hooks that a job has."""

from typing import Any

from jobd.core.hooks import Hook, HookKind, HookResult, Hooks

ALERT = Hooks(on_failure=Hook(("alert",)), ping_url=Hook(url="https://h/hunter2"))
TOTAL = "jobd_hooks_total"


async def test_a_hook_s_series_exist_from_the_start(node: Any, make: Any) -> None:
    """Else increase() would not see the first alert that could not be sent."""
    node.configure(make.job(hooks=ALERT))
    found = await node.samples()
    series = {(one["hook"], one["result"]) for one in found.labels(TOTAL)}
    assert series == {
        (hook, result)
        for hook in ("on_failure", "ping_url")
        for result in ("success", "failure", "dropped")
    }
    assert found.total(TOTAL) == 0


async def test_a_job_without_hooks_has_none(node: Any) -> None:
    assert (await node.samples()).labels(TOTAL) == []


async def test_a_call_is_counted_by_what_became_of_it(node: Any, make: Any) -> None:
    node.configure(make.job(hooks=ALERT))
    await node.page()
    for result in (HookResult.FAILURE, HookResult.FAILURE, HookResult.DROPPED):
        node.telemetry.hook_called("backup", HookKind.ON_FAILURE, result)
    found = await node.samples()
    assert found.value(TOTAL, hook="on_failure", result="failure") == 2
    assert found.value(TOTAL, hook="on_failure", result="dropped") == 1
    assert found.total(TOTAL, hook="ping_url") == 0


async def test_they_go_on_over_a_reload_and_go_with_the_hook_and_with_the_job(
    node: Any, make: Any
) -> None:
    node.configure(make.job(hooks=ALERT))
    node.telemetry.hook_called("backup", HookKind.ON_FAILURE, HookResult.SUCCESS)
    node.configure(make.job(hooks=Hooks(on_failure=Hook(("other",)))))
    found = await node.samples()
    assert found.value(TOTAL, hook="on_failure", result="success") == 1
    assert {one["hook"] for one in found.labels(TOTAL)} == {"on_failure"}
    node.configure(make.job("other"))
    node.telemetry.hook_called("backup", HookKind.ON_FAILURE, HookResult.SUCCESS)
    assert (await node.samples()).labels(TOTAL) == []


async def test_no_label_holds_what_is_called(node: Any, make: Any) -> None:
    node.configure(make.job(hooks=ALERT))
    page = await node.page()
    assert TOTAL + "{" in page
    assert "hunter2" not in page
