"""The output file against a plain string that keeps everything."""

import os
import tempfile
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.output import Recorder, read_slice


def _record(path: Path, capacity: int, chunks: list[bytes]) -> Recorder:
    recorder = Recorder(str(path), capacity)
    for chunk in chunks:
        recorder.write(memoryview(chunk))
    recorder.close()
    return recorder


def _numbered(length: int) -> bytes:
    return bytes(n * 7 % 251 for n in range(length))


@given(
    capacity=st.integers(1, 40),
    sizes=st.lists(st.integers(1, 60), max_size=12),
    limit=st.integers(1, 30),
)
def test_head_and_tail_are_what_was_written(capacity: int, sizes: list[int], limit: int) -> None:
    everything = _numbered(sum(sizes))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run.1"
        cuts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
        chunks = [everything[a:b] for a, b in pairwise(cuts)]
        recorder = _record(path, capacity, chunks)
        kept, skipped, offset = b"", 0, 0
        while True:
            data, following, missing = read_slice(str(path), offset, limit)
            if not data:
                break
            assert data == everything[following - len(data) : following]
            assert following == offset + missing + len(data)
            kept, skipped, offset = kept + data, skipped + missing, following
    head, tail = capacity // 2, capacity - capacity // 2
    fits = len(everything) <= capacity
    assert kept == (everything if fits else everything[:head] + everything[-tail:])
    assert skipped == recorder.dropped == max(0, len(everything) - capacity)
    assert recorder.total == len(everything)


@given(capacity=st.integers(1, 64), chunks=st.lists(st.binary(min_size=1), max_size=20))
def test_the_file_never_outgrows_its_bound(capacity: int, chunks: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "run.1"
        _record(path, capacity, chunks)
        assert not chunks or path.stat().st_size <= capacity + 40


def test_no_output_makes_no_file(tmp_path: Path) -> None:
    _record(tmp_path / "deep" / "run.1", 100, [])
    assert list(tmp_path.iterdir()) == []
    assert read_slice(str(tmp_path / "deep" / "run.1"), 5, 10) == (b"", 5, 0)


def test_reading_beyond_the_end_waits_there(tmp_path: Path) -> None:
    path = tmp_path / "run.1"
    _record(path, 100, [b"abc"])
    assert read_slice(str(path), 3, 10) == (b"", 3, 0)
    assert read_slice(str(path), 99, 10) == (b"", 99, 0)


def test_a_reader_who_looks_while_it_is_written_never_sees_a_torn_tail(tmp_path: Path) -> None:
    """Every byte returned must be the one that was written at its offset."""
    path = tmp_path / "run.1"
    total, capacity = 3_000_000, 1 << 14
    everything = _numbered(251) * (total // 251 + 2)

    def write() -> None:
        recorder = Recorder(str(path), capacity)
        for start in range(0, total, 1000):
            recorder.write(memoryview(everything)[start : start + 1000])
        recorder.close()

    writer = threading.Thread(target=write)
    writer.start()
    offset = 0
    while writer.is_alive() or read_slice(str(path), offset, 1)[0]:
        data, following, missing = read_slice(str(path), offset, 1 << 14)
        start = offset + missing
        assert data == everything[start : start + len(data)]
        offset = following
    writer.join()
    assert offset == total


def test_a_full_disk_is_counted_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "run.1"
    recorder = Recorder(str(path), 100)
    recorder.write(memoryview(b"kept"))
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, recorder._fd)
    os.close(full)
    recorder.write(memoryview(b"lost"))
    recorder.close()
    assert (recorder.total, recorder.dropped) == (8, 4)


def test_what_is_no_output_file_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "run.1"
    path.write_bytes(b"x" * 200)
    with pytest.raises(ValueError, match="is not an output file"):
        read_slice(str(path), 0, 10)


def test_output_is_never_read_through_a_link(tmp_path: Path) -> None:
    """Who can put one there would have the daemon read for him what it may read."""
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "run.1"
    _record(elsewhere, 100, [b"abc"])
    path.symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        read_slice(str(path), 0, 10)
