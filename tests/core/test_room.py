"""Room: who starts when places are scarce, who waits, who has to go."""

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.effects import Claim
from jobd.core.job import Retries
from tests.core.desk import Desk


def test_no_more_than_max_running_run_at_once(new_desk: type[Desk]) -> None:
    desk = new_desk(max_running=3)
    for n in range(10):
        desk.job(f"j{n}", every="10m")
    desk.pass_time("10m")
    assert len(desk.running) == 3


def test_claims_in_flight_hold_their_places(new_desk: type[Desk]) -> None:
    desk = new_desk(max_running=3)
    for n in range(10):
        desk.job(f"j{n}", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    asked = [request for claim in desk.of_kind(Claim) for request in claim.requests]
    assert len(asked) == 3


def test_the_higher_priority_starts_first(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("low", every="10m", priority=1)
    small_desk.job("high", every="10m", priority=9)
    small_desk.pass_time("10m")
    small_desk.end("busy")
    assert small_desk.starts[-1] == "high 12:10"


def test_a_place_that_becomes_free_goes_to_the_first_in_line(small_desk: Desk) -> None:
    """Not to the tick that waited for the very run that leaves it: on a small node that one
    would never let anybody else in."""
    small_desk.job("busy", every="10m", overlap="queue")
    small_desk.job("urgent", every="1h", priority=9)
    small_desk.trigger("busy")
    small_desk.pass_time("1h")
    small_desk.end("busy")
    assert small_desk.starts[-1] == "urgent 13:00"


def test_a_place_that_becomes_free_is_taken_at_once(small_desk: Desk) -> None:
    small_desk.job("a", every="10m")
    small_desk.job("b", every="10m")
    small_desk.pass_time("10m")
    small_desk.end("a")
    assert small_desk.running == ["b"]


def test_a_place_that_a_denied_claim_held_is_free_again(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    desk.trigger("a")
    desk.let_store_work()
    desk.end("a")
    assert desk.node().running == 0


def test_who_does_not_fit_into_the_waiting_room_is_skipped(small_desk: Desk) -> None:
    for n in range(5):
        small_desk.job(f"j{n}", every="10m")
    small_desk.pass_time("10m")
    rows = [row for n in range(5) for row in small_desk.ledger(f"j{n}")]
    assert sorted(rows) == ["12:10 backlog", "12:10 backlog", "12:10 started"]


def test_a_reload_that_makes_room_lets_the_next_ones_in(small_desk: Desk) -> None:
    small_desk.job("a", every="10m")
    small_desk.job("b", every="10m")
    small_desk.pass_time("10m")
    small_desk.max_running = 2
    small_desk.reload(*small_desk.jobs.values())
    assert sorted(small_desk.running) == ["a", "b"]


def test_a_waiting_tick_of_a_job_paused_meanwhile_is_skipped(small_desk: Desk) -> None:
    small_desk.job("a", every="10m")
    small_desk.job("b", every="10m")
    small_desk.pass_time("10m")
    small_desk.pause("b")
    small_desk.end("a")
    assert small_desk.ledger("b") == ["12:10 paused"]


def test_the_operator_whose_wish_is_turned_away_is_told(new_desk: type[Desk]) -> None:
    desk = new_desk(max_running=1, max_waiting=0)
    desk.job("busy")
    desk.trigger("busy")
    desk.job("a")
    assert desk.trigger("a").code == "busy"


def test_a_wish_that_was_accepted_is_not_given_up_for_a_tick(new_desk: type[Desk]) -> None:
    """Its run id was told to somebody who waits for its end; no row would say what became of it."""
    desk = new_desk(max_running=1, max_waiting=1)
    desk.job("busy")
    desk.trigger("busy")
    desk.job("a")
    desk.job("urgent", every="10m", priority=9)
    accepted = desk.trigger("a")
    assert accepted.is_accepted
    desk.pass_time("10m")
    desk.end("busy")
    assert desk.starts[-1] == "a by hand"


def test_an_accepted_wish_is_not_displaced_by_a_tick_that_replaces(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace", start_deadline="1h")
    desk.pass_time("10m")
    accepted = desk.trigger("a")
    assert accepted.is_accepted
    desk.pass_time("10m")
    desk.end("a")
    assert desk.starts[-1] == "a by hand"


workload = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["pass", "end", "fail", "trigger", "cancel", "hold", "go", "down", "up"]),
    ),
    max_size=40,
)


@given(workload)
def test_never_idle_while_something_admissible_waits(steps: list[tuple[int, str]]) -> None:
    desk = Desk(max_running=2, max_waiting=3)
    _play(desk, steps)
    waits = len(desk.scheduler.state.waiting)
    assert waits == 0 or desk.node().running == 2


@given(workload)
def test_places_taken_are_those_of_claims_and_processes(steps: list[tuple[int, str]]) -> None:
    """A place that leaks is lost until the daemon is restarted."""
    desk = Desk(max_running=2, max_waiting=3)
    _play(desk, steps)
    assert desk.node().running == len(desk.running)


@given(workload)
def test_the_store_knows_no_run_that_the_scheduler_does_not(steps: list[tuple[int, str]]) -> None:
    """Such a run blocks its job until the daemon is restarted: nobody will ever end it."""
    desk = Desk(max_running=2, max_waiting=3)
    _play(desk, steps)
    records = [record for n in range(6) for record in desk.history(f"j{n}")]
    active = {record.run_id for record in records if record.ended_at is None}
    state = desk.scheduler.state
    known = set(state.runs).union(*(track.open for track in state.tracks.values()))
    assert active <= known


@given(workload)
def test_every_wish_is_answered(steps: list[tuple[int, str]]) -> None:
    desk = Desk(max_running=2, max_waiting=3)
    _play(desk, steps)
    assert [asked for asked in desk.asked if asked.reply is None] == []


def _play(desk: Desk, steps: list[tuple[int, str]]) -> None:
    """Let things happen to six jobs of all kinds; in the end the store answers again."""
    policies = ["skip", "queue", "replace", "allow", "skip", "queue"]
    for n, policy in enumerate(policies):
        desk.job(
            f"j{n}",
            every=f"{3 + n}m",
            overlap=policy,
            max_instances=2,
            priority=n % 3,
            retries=Retries(max=n % 2),
        )
    for n, what in steps:
        _act(desk, f"j{n}", what, n)
    desk.store_up()
    desk.let_store_work()
    desk.pass_time("1s")


def _act(desk: Desk, job: str, what: str, n: int) -> None:
    if what == "pass":
        desk.pass_time(f"{n + 1}m")
    elif what in ("end", "fail") and job in desk.running:
        desk.end(job, exit_code=int(what == "fail"))
    elif what == "trigger":
        desk.trigger(job, queue=n % 2 == 0)
    elif what == "cancel":
        desk.cancel(job)
    elif what == "hold":
        desk.hold_store()
    elif what == "go":
        desk.let_store_work()
    elif what == "down":
        desk.store_down(loses_answers=n % 2 == 0)
    elif what == "up":
        desk.store_up()
