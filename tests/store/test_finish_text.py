"""Finish as text: what waits in the outbox is read by this jobd, or by a newer one."""

import json
from dataclasses import replace
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import Trigger
from jobd.core.outcome import Outcome
from jobd.core.run import Finish, RunRecord
from jobd.core.said import StepTime
from jobd.store.finish_text import finish_of, text_of

INSTANTS = st.datetimes(timezones=st.just(UTC))
# argv, and so what a person passes on to it, may hold bytes that are no text.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
SECONDS = st.floats(0, 1e9)
ATTEMPTS = st.builds(
    EndedAttempt,
    number=st.integers(1, 100),
    node=TEXT,
    started_at=st.none() | INSTANTS,
    ended_at=INSTANTS,
    outcome=st.sampled_from(Outcome),
    reason=TEXT,
)
RECORDS = st.builds(
    RunRecord,
    run_id=TEXT,
    job=TEXT,
    node=TEXT,
    token=st.integers(1, 2**63 - 1),
    trigger=st.sampled_from(Trigger),
    fire_time=st.none() | INSTANTS,
    claimed_at=INSTANTS,
    requested_by=TEXT,
    attempt=st.integers(1, 100),
    started_at=st.none() | INSTANTS,
    ended_at=st.none() | INSTANTS,
    outcome=st.none() | st.sampled_from(Outcome),
    reason=TEXT,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    duration_s=st.none() | SECONDS,
    cpu_s=st.none() | SECONDS,
    memory_peak_bytes=st.none() | st.integers(0, 2**63 - 1),
    output_bytes=st.integers(0, 2**63 - 1),
    output_dropped_bytes=st.integers(0, 2**63 - 1),
    params=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    steps=st.lists(st.builds(StepTime, TEXT, SECONDS), max_size=3).map(tuple),
    retried=st.lists(ATTEMPTS, max_size=3).map(tuple),
)
FINISHES = st.builds(
    Finish,
    record=RECORDS,
    rest_until=st.none() | INSTANTS,
    smoothed_duration_s=st.none() | SECONDS,
    expected_memory_bytes=st.none() | st.integers(0, 2**63 - 1),
    smoothed_lasted_s=st.none() | SECONDS,
)


@given(FINISHES)
def test_an_end_comes_back_as_it_was(finish: Finish) -> None:
    assert finish_of(text_of(finish)) == finish


@given(FINISHES)
def test_what_a_newer_jobd_added_is_left_out(finish: Finish) -> None:
    """A daemon of the version before may find what the newer one could not deliver."""
    whole = json.loads(text_of(finish))
    whole["record"]["mood"] = whole["weather"] = "fine"
    assert finish_of(json.dumps(whole)) == finish


@given(FINISHES)
def test_it_can_be_kept_by_sqlite(finish: Finish) -> None:
    """Which takes no text that is not valid UTF-8."""
    text_of(finish).encode()


@given(FINISHES)
def test_what_an_older_jobd_did_not_write_is_not_known(finish: Finish) -> None:
    """After an upgrade the outbox may hold ends of the version before."""
    whole = json.loads(text_of(finish))
    del whole["smoothed_lasted_s"], whole["expected_memory_bytes"]
    del whole["record"]["steps"], whole["record"]["retried"]
    record = replace(finish.record, steps=(), retried=())
    known = Finish(record, finish.rest_until, finish.smoothed_duration_s)
    assert finish_of(json.dumps(whole)) == known
