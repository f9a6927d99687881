"""The run as JSON: what whoever is called gets to know, and what not."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobd.core.hooks import Hook, HookKind
from jobd.core.job import About
from jobd.daemon.hook_order import body_of
from jobd.web.shapes import run_shape
from tests.daemon.fakes import job_of
from tests.daemon.hook_orders import order_of

URL = Hook(url="https://h/hunter2")
ABOUT = About("Mails customers", "team-orders", "https://wiki/mails", ("mail", "nightly"))
SECRET = {"params": (("token", "hunter2"),), "requested_by": "uid 1000 (anna)"}


def read(*arguments: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(body_of(*arguments))
    return body


def test_it_has_the_keys_of_the_history() -> None:
    order = order_of(URL, job=job_of(about=ABOUT))
    body = read(order)
    shown = run_shape(order.record, with_params=False)
    missing = {"params", "requested_by"}
    assert {key: body[key] for key in shown if key not in missing} == {
        key: value for key, value in shown.items() if key not in missing
    }
    assert (body["outcome"], body["prior_outcome"], body["hook"]) == (
        "failure", "success", "on_failure",
    )  # fmt: skip
    assert [body[key] for key in ("description", "owner", "runbook", "tags")] == [
        "Mails customers", "team-orders", "https://wiki/mails", ["mail", "nightly"],
    ]  # fmt: skip


def test_the_page_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs/hooks.md").read_text()
    rows = page.partition("| key | |\n| --- | --- |\n")[2].partition("\n\n")[0].splitlines()
    named = [key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(read(order_of(URL), "output"))


def test_over_the_network_go_neither_output_nor_values_nor_who_asked() -> None:
    """A chat keeps what it is told for ever, and shows it to people who may not run the job."""
    job = job_of(argv=("x", "hunter2"), env=(("PASSWORD", "hunter2"),))
    order = order_of(URL, job=job, **SECRET)
    body = body_of(order).decode()
    assert "hunter2" not in body
    assert "anna" not in body
    assert "output_tail" not in json.loads(body)


def test_a_command_gets_the_end_of_the_output_and_who_asked() -> None:
    order = order_of(Hook(("alert",)), **SECRET)
    body = read(order, "ERROR 7\n")
    assert (body["output_tail"], body["requested_by"]) == ("ERROR 7\n", "uid 1000 (anna)")
    assert "hunter2" not in json.dumps(body)


def test_the_start_of_a_run_is_told_without_an_outcome() -> None:
    order = order_of(URL, HookKind.PING_URL)
    record = replace(order.record, outcome=None, ended_at=None)
    body = read(replace(order, record=record))
    assert (body["state"], body["outcome"], body["ended_at"]) == ("active", None, None)


def test_it_is_bounded_whatever_people_wrote() -> None:
    about = About("ä" * 100_000, "o" * 100_000, "r" * 100_000, ("t" * 100_000,) * 1000)
    order = order_of(URL, job=job_of(about=about))
    order = replace(order, record=replace(order.record, reason="\x00" * 100_000))
    assert len(body_of(order)) < 100_000
