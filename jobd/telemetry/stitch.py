"""Stitch: one gzip stream made of pieces that were deflated apart, at different times.

A page of metrics is mostly lines that did not change since the last scrape, so their
compressed form is kept. Gzip members laid end to end would do for Prometheus, but browsers
show only the first one; so the pieces become one deflate stream under one checksum, as
pigz(1) does it. RFC 1951 (deflate), RFC 1952 (gzip).
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

_LEVEL = 2  # metrics are so repetitive that more effort saves little
_RAW = -15  # no header of zlib's own
_CRC_POLYNOMIAL = 0xEDB88320  # CRC-32's, lowest power in the highest bit
_ONE = 1 << 31
_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # no time, no name, system unknown
_LAST_BLOCK = b"\x03\x00"  # an empty final deflate block
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes deflated so that they can stand anywhere in a stream."""

    deflated: bytes
    crc: int
    size: int  # of what was deflated
    crc_shift: int  # what a checksum is multiplied by when this piece follows


def piece(text: bytes) -> Piece:
    """Return ``text`` deflated, byte-aligned, referring to nothing before it."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    deflated = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    return Piece(deflated, zlib.crc32(text), len(text), _power_of_x(8 * len(text)))


def plain(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Yield what went into the pieces, one by one."""
    for each in pieces:
        yield zlib.decompressobj(_RAW).decompress(each.deflated)


def gzipped(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Yield one gzip stream of the pieces, in chunks of about 64 KiB."""
    chunk = bytearray(_HEADER)
    crc = size = 0
    for each in pieces:
        chunk += each.deflated
        crc = _product(each.crc_shift, crc) ^ each.crc
        size += each.size
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    chunk += _LAST_BLOCK + crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    yield bytes(chunk)


def _product(a: int, b: int) -> int:
    """Return a·b modulo CRC-32's polynomial (zlib's multmodp)."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ _CRC_POLYNOMIAL if b & 1 else b >> 1
    return product


@cache
def _square(times: int) -> int:
    """Return x, squared so many times, modulo CRC-32's polynomial."""
    if times == 0:
        return _ONE >> 1
    half = _square(times - 1)
    return _product(half, half)


def _power_of_x(exponent: int) -> int:
    """Return x to the ``exponent`` modulo CRC-32's polynomial, by squaring."""
    power = _ONE
    for times in range(exponent.bit_length()):
        if exponent >> times & 1:
            power = _product(_square(times), power)
    return power
