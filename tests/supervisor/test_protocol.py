"""Frames: what goes in comes out, and nothing that comes in can hurt."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobd.supervisor.protocol import BadFrame, FrameSplitter, FrameTooLong, decode, encode

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates too
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
FRAMES = st.dictionaries(TEXT, LEAVES | st.lists(LEAVES, max_size=3), max_size=3)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(frames=st.lists(FRAMES, max_size=4), cut=st.integers(1, 50))
def test_frames_survive_any_fragmentation(frames: list[dict[str, object]], cut: int) -> None:
    stream = b"".join(encode(frame) for frame in frames)
    splitter, found = FrameSplitter(), []
    for start in range(0, len(stream), cut):
        splitter.feed(stream[start : start + cut])
        while (line := splitter.next_line()) is not None:
            found.append(decode(line))
    assert found == frames


@given(st.binary())
def test_any_bytes_are_a_frame_or_a_bad_frame(line: bytes) -> None:
    with suppress(BadFrame):
        assert isinstance(decode(line), dict)


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b"{" + b'"a":' * 9, b'{"a":NaN}', b'{"a":1e999}', b"[]", b"1" * 9999]
)
def test_what_json_readers_stumble_over_is_refused_or_read(line: bytes) -> None:
    with suppress(BadFrame):
        assert decode(line) == {"a": float("inf")}


def test_a_line_without_an_end_is_given_up() -> None:
    splitter = FrameSplitter(max_frame=100)
    splitter.feed(b"x" * 101)
    with pytest.raises(FrameTooLong):
        splitter.next_line()


def test_a_line_just_too_long_is_given_up_even_when_it_ends() -> None:
    splitter = FrameSplitter(max_frame=100)
    splitter.feed(b"x" * 101 + b"\n")
    with pytest.raises(FrameTooLong):
        splitter.next_line()
