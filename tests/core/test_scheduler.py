"""Scheduler: whatever happens, in whatever order, it decides, answers, and leaks nothing."""

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.effects import Accepted, Claim, RecordSkips
from jobd.core.job import Retries
from tests.core.desk import Desk

JOBS = ("skip", "queue", "replace", "allow", "after", "rests")

incidents = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("pass", "pass", "pass", "end", "fail", "trigger", "queue", "cancel", "pause"),
                *("resume", "skip_next", "remove", "change", "add", "restart", "crash", "lose"),
                *("connect", "hold", "work", "down", "deaf", "up", "forwards", "back"),
            ]
        ),
        st.sampled_from(JOBS),
        st.integers(1, 30),
    ),
    max_size=40,
)


def workshop() -> Desk:
    """A small node with one job of each kind."""
    desk = Desk(max_running=2, max_waiting=3)
    for name in JOBS:
        add(desk, name, 5)
    return desk


def add(desk: Desk, name: str, minutes: int) -> None:
    keys = {"every": f"{minutes}m", "retries": Retries(max=1)}
    if name in ("skip", "queue", "replace"):
        keys["overlap"] = name
    elif name == "allow":
        keys |= {"overlap": "allow", "max_instances": 3, "catchup": "all", "jitter": "2m"}
    elif name == "after":
        del keys["every"]
        keys["after"] = f"{minutes}m"
    else:
        keys |= {"max_duty": 0.5, "catchup": "all", "priority": 3}
    desk.job(name, **keys)


def happen(desk: Desk, what: str, job: str, n: int) -> None:
    """Let one incident happen."""
    if what in ("end", "fail"):
        if job in desk.running:
            desk.end(job, exit_code=int(what == "fail"))
    elif what in ("trigger", "cancel", "pause", "resume", "skip_next"):
        getattr(desk, what)(job)
    elif what == "queue":
        desk.trigger(job, queue=True)
    elif what in ("change", "add"):
        add(desk, job, n)
    elif what == "remove":
        desk.remove(job)
    elif what in ("forwards", "back"):
        desk.set_clock(f"{n * n}m" if what == "forwards" else f"-{n * n}m")
    else:
        _happen_to_all(desk, what, n)


def _happen_to_all(desk: Desk, what: str, n: int) -> None:
    if what == "pass":
        desk.pass_time(f"{n}m")
    elif what == "restart":
        desk.restart(down=f"{n}m")
    elif what == "crash":
        desk.processes.clear()
        desk.restart(down=f"{n}m", is_connected=n % 2 == 0)
    elif what == "lose":
        desk.lose_supervisor()
    elif what == "connect":
        desk.connect()
    elif what == "hold":
        desk.hold_store()
    elif what in ("down", "deaf"):
        desk.store_down(loses_answers=what == "deaf")
    elif what == "up":
        desk.store_up()
    else:
        desk.let_store_work()


def calm_down(desk: Desk) -> None:
    """Repair everything, and let all that is under way come to its end."""
    desk.store_up()
    desk.let_store_work()
    desk.connect()
    desk.pause()
    desk.pass_time("2s")
    for _ in range(1000):
        if not desk.running:
            break
        desk.end(desk.running[0])


@given(incidents)
def test_no_incident_is_too_much(steps: list[tuple[str, str, int]]) -> None:
    """A scheduler that raises takes every job of the node with it."""
    desk = workshop()
    for step in steps:
        happen(desk, *step)


@given(incidents)
def test_once_everything_ended_no_place_is_taken(steps: list[tuple[str, str, int]]) -> None:
    desk = workshop()
    for step in steps:
        happen(desk, *step)
    calm_down(desk)
    assert desk.node().running == len(desk.running)


@given(incidents)
def test_the_store_holds_no_lease_that_nobody_will_end(steps: list[tuple[str, str, int]]) -> None:
    desk = workshop()
    for step in steps:
        happen(desk, *step)
    calm_down(desk)
    held = {record.run_id for name in JOBS for record in desk.history(name) if not record.ended_at}
    assert held <= set(desk.scheduler.state.runs)


@given(incidents)
def test_at_most_max_running_processes_stand_at_once(steps: list[tuple[str, str, int]]) -> None:
    desk = workshop()
    for step in steps:
        happen(desk, *step)
        assert len(desk.running) <= desk.max_running


def test_the_same_events_have_the_same_effects() -> None:
    """A replay computes what production did: no clock, chance or hash order in between."""
    first, second = (_story() for _ in range(2))
    assert first.effects == second.effects


def _story() -> Desk:
    desk = workshop()
    desk.pass_time("12m")
    desk.end(desk.running[0], exit_code=1)
    desk.pass_time("30m")
    return desk


def test_all_ticks_of_one_instant_are_claimed_in_one_batch(desk: Desk) -> None:
    for n in range(50):
        desk.job(f"j{n}", every="10m")
    desk.pass_time("10m")
    assert [len(claim.requests) for claim in desk.of_kind(Claim)] == [50]


def test_all_skips_of_one_instant_are_recorded_in_one_batch(desk: Desk) -> None:
    for n in range(50):
        desk.job(f"j{n}", every="10m")
    desk.pass_time("20m")
    assert [len(effect.skips) for effect in desk.of_kind(RecordSkips)] == [50]


def test_an_end_reaches_the_store_before_the_claim_that_it_makes_possible(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue")
    desk.pass_time("20m")
    seen = len(desk.effects)
    desk.end("a")
    kinds = [type(effect).__name__ for effect in desk.effects[seen:]]
    assert kinds[:2] == ["FinishRun", "Claim"]


def test_without_jobs_nothing_lies_ahead(desk: Desk) -> None:
    assert desk.scheduler.next_wakeup() is None


def test_a_stopping_scheduler_wants_no_wake_up(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.shut_down()
    assert desk.scheduler.next_wakeup() is None


def test_an_unneeded_wake_up_asks_for_nothing(desk: Desk) -> None:
    desk.job("a", every="10m")
    seen = len(desk.effects)
    desk.wake()
    assert desk.effects[seen:] == []


def test_the_pattern_that_judges_a_run_is_of_its_own_definition(desk: Desk) -> None:
    desk.job("a", failure_pattern="old")
    asked = desk.trigger("a")
    desk.change("a", failure_pattern="new")
    assert desk.scheduler.failure_pattern("a", asked.run_id) == "old"


def test_a_claim_in_flight_is_no_quiet(desk: Desk) -> None:
    desk.job("a")
    desk.hold_store()
    desk.trigger("a")
    assert desk.scheduler.is_quiet() is False


def test_an_answer_that_comes_twice_counts_once(desk: Desk) -> None:
    desk.job("a")
    desk.hold_store()
    asked = desk.trigger("a")
    answer = desk.decide_in_silence()
    desk.handle(answer)
    desk.handle(answer)
    assert asked.reply == Accepted(asked.request_id, (asked.run_id,), "started")
