"""Stitch: pieces deflated apart become one stream that any gzip reader takes."""

import gzip
import subprocess
import zlib
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from jobd.telemetry.stitch import gzipped, piece, plain

texts = st.lists(st.binary(max_size=2000) | st.binary(max_size=4).map(lambda part: part * 5000))


@given(texts)
def test_a_stitched_stream_unzips_to_its_texts_in_order(parts: list[bytes]) -> None:
    """gzip checks length and checksum, so both are right."""
    assert gzip.decompress(b"".join(gzipped(map(piece, parts)))) == b"".join(parts)


@given(texts)
def test_pieces_give_back_what_went_in(parts: list[bytes]) -> None:
    assert list(plain(map(piece, parts))) == parts


def test_the_stream_is_one_member() -> None:
    """Browsers show the first member of a gzip stream only, curl used to refuse a second."""
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(b"".join(gzipped([piece(b"one "), piece(b"two")])))
    assert (text, reader.eof, reader.unused_data) == (b"one two", True, b"")


def test_a_piece_may_be_used_again_and_anywhere() -> None:
    """That is what they are for: unchanged lines are compressed once, not at each scrape."""
    kept = piece(b"kept\n" * 100)
    first = b"".join(gzipped([piece(b"old"), kept]))
    second = b"".join(gzipped([kept, piece(b"new"), kept]))
    assert gzip.decompress(first) == b"old" + b"kept\n" * 100
    assert gzip.decompress(second) == b"kept\n" * 100 + b"new" + b"kept\n" * 100


def test_a_long_stream_comes_in_chunks() -> None:
    noise = bytes(range(256)) * 300
    chunks = list(gzipped(piece(bytes([n]) + zlib.compress(noise)) for n in range(250)))
    assert max(map(len, chunks)) < 80_000


def test_gzip_itself_finds_the_stream_sound(needs_tool: Callable[[str, str], str]) -> None:
    stream = b"".join(gzipped([piece(b"a" * 1000), piece(b""), piece(b"b" * 1000)]))
    subprocess.run([needs_tool("gzip", "gzip"), "--test"], input=stream, check=True, timeout=10)
