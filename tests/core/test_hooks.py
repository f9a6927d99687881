"""Hooks: who is called about which run, where a ping goes, and what of a URL is shown."""

import pytest

from jobd.core.hooks import NO_HOOKS, Hook, HookKind, Hooks, calls_at_end, calls_at_start, shown_url
from jobd.core.outcome import Outcome

ALL = Hooks(Hook(("failed",)), Hook(("recovered",)), Hook(("fine",)), Hook(url="https://h/p"))
BAD = (Outcome.FAILURE, Outcome.TIMEOUT, Outcome.OOM, Outcome.LOST, Outcome.START_ERROR)


def told(outcome: Outcome, prior: str | None = None, hooks: Hooks = ALL) -> list[str]:
    """Return who is called about an end: the program, or the URL."""
    calls = calls_at_end(hooks, outcome, prior)
    return [call.hook.url or call.hook.argv[0] for call in calls]


@pytest.mark.parametrize("outcome", BAD)
def test_whatever_is_neither_success_nor_canceled_is_a_failure(outcome: Outcome) -> None:
    assert told(outcome) == ["https://h/p/fail", "failed"]


@pytest.mark.parametrize("prior", [None, *Outcome])
def test_a_canceled_run_is_told_to_nobody(prior: str | None) -> None:
    assert told(Outcome.CANCELED, prior) == []


@pytest.mark.parametrize("prior", [None, Outcome.SUCCESS, Outcome.CANCELED])
def test_a_success_after_no_failure_is_no_recovery(prior: str | None) -> None:
    assert told(Outcome.SUCCESS, prior) == ["https://h/p", "fine"]


@pytest.mark.parametrize("prior", BAD)
def test_a_success_after_a_failure_is_a_recovery_and_told_first(prior: str) -> None:
    assert told(Outcome.SUCCESS, prior) == ["https://h/p", "recovered", "fine"]


def test_the_prior_outcome_may_come_as_the_store_s_text() -> None:
    assert told(Outcome.SUCCESS, "oom", Hooks(on_recovery=Hook(("x",)))) == ["x"]


@pytest.mark.parametrize("hooks", [NO_HOOKS, Hooks()])
def test_a_job_without_hooks_calls_nobody(hooks: Hooks) -> None:
    assert calls_at_start(hooks) == ()
    assert [told(outcome, "failure", hooks) for outcome in Outcome] == [[]] * len(Outcome)


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://h/p", "https://h/p/start"),
        ("https://h/p/", "https://h/p/start"),
        ("https://h", "https://h/start"),
        ("https://h?x=1", "https://h/start?x=1"),
        ("https://u:p@h:8080/a%2Fb?create=1&x=/y", "https://u:p@h:8080/a%2Fb/start?create=1&x=/y"),
    ],
)
def test_a_suffix_goes_to_the_end_of_the_path(url: str, start: str) -> None:
    (call,) = calls_at_start(Hooks(ping_url=Hook(url=url)))
    assert (call.kind, call.hook.url) == (HookKind.PING_URL, start)


@pytest.mark.parametrize("url", ["https://h/p/?x=1", "https://h", "https://h/p"])
def test_a_success_is_pinged_exactly_as_it_is_written(url: str) -> None:
    assert told(Outcome.SUCCESS, None, Hooks(ping_url=Hook(url=url))) == [url]


@pytest.mark.parametrize(
    "url",
    [
        "https://h:8080/hunter2", "https://h:8080?hunter2", "https://hunter2@h:8080",
        "https://u:hunter2@h:8080/x", "https://h:8080/hunter2/@x",
    ],
)  # fmt: skip
def test_of_a_url_only_the_host_is_shown(url: str) -> None:
    assert shown_url(url) == "https://h:8080/***"
    assert "hunter2" not in repr(Hook(url=url))


@pytest.mark.parametrize("text", ["hunter2", "", "ftp://hunter2/x"])
def test_nothing_is_shown_of_what_is_no_url(text: str) -> None:
    assert shown_url(text) == "***"


def test_of_a_command_only_the_program_is_shown() -> None:
    assert Hook(("/bin/alert", "--key", "hunter2")).shown == "/bin/alert"
