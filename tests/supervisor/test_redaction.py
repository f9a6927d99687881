"""What a run was given in secret is not kept of what it writes, wherever a piece ends."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.events import RunSaid
from jobd.supervisor.redaction import MARK, Redactor
from jobd.supervisor.spec import Spec
from tests.supervisor.test_spec import GOOD

SECRET = b"correct-horse"
ALPHABET = st.sampled_from(b"abc").map(lambda byte: bytes([byte]))
TEXT = st.lists(ALPHABET, max_size=40).map(b"".join)
SECRETS = st.lists(st.lists(ALPHABET, min_size=2, max_size=6).map(b"".join), max_size=3)


def through(secrets: list[bytes], pieces: list[bytes]) -> bytes:
    """Return all that comes out of a redactor."""
    redactor = Redactor(secrets)
    shown = [bytes(redactor.feed(memoryview(piece))) for piece in pieces]
    return b"".join([*shown, bytes(redactor.rest())])


@given(st.integers(1, len(SECRET) - 1), st.binary(max_size=20), st.binary(max_size=20))
def test_a_secret_is_found_wherever_a_piece_ends(cut: int, before: bytes, after: bytes) -> None:
    whole = through([SECRET], [before + SECRET[:cut], SECRET[cut:] + after])
    assert whole == before + MARK + after


def test_a_secret_is_found_that_comes_byte_by_byte() -> None:
    pieces = [bytes([byte]) for byte in b"x" + SECRET + SECRET + b"y"]
    assert through([SECRET], pieces) == b"x" + MARK + MARK + b"y"


@given(SECRETS, st.lists(TEXT, max_size=6))
def test_what_holds_no_secret_comes_out_as_it_was(
    secrets: list[bytes], pieces: list[bytes]
) -> None:
    whole = b"".join(pieces)
    if not any(secret in whole for secret in secrets):
        assert through(secrets, pieces) == whole


@given(SECRETS, TEXT, st.lists(st.integers(0, 40)))
def test_every_byte_of_every_secret_is_hidden_wherever_pieces_end(
    secrets: list[bytes], text: bytes, cuts: list[int]
) -> None:
    """Three letters and short secrets: they overlap, and hide in each other."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    shown = through(secrets, pieces)
    assert shown.replace(MARK, b"") == bytes(visible(secrets, text))
    assert shown == Redactor(secrets).once(text)


def visible(secrets: list[bytes], text: bytes) -> Iterator[int]:
    """Yield the bytes that no occurrence of a secret covers, one looked at after the other."""
    for at, byte in enumerate(text):
        windows = (
            text[start : start + len(secret)] == secret
            for secret in secrets
            for start in range(max(at - len(secret) + 1, 0), at + 1)
        )
        if not any(windows):
            yield byte


@given(SECRETS, st.lists(TEXT, max_size=30))
def test_less_is_held_back_than_the_longest_secret(
    secrets: list[bytes], pieces: list[bytes]
) -> None:
    redactor = Redactor(secrets)
    for piece in pieces:
        redactor.feed(memoryview(piece))
    assert len(redactor._held) <= max(map(len, secrets), default=1) - 1


def test_of_two_secrets_that_begin_alike_the_longer_is_hidden_whole() -> None:
    long = SECRET + b"-battery"
    assert through([SECRET, long], [b"a " + SECRET, b"-battery z"]) == b"a " + MARK + b" z"


def test_a_secret_that_overlaps_another_is_hidden_to_its_last_byte() -> None:
    """The piece ends within the second one: what is shown must not begin the first one."""
    first, second = b"correct-horse", b"se-battery"
    assert through([first, second], [b"a correct-horse-b", b"attery z"]) == b"a " + MARK + b" z"


def test_a_secret_that_repeats_itself_is_found_in_no_time() -> None:
    """The supervisor holds the deadlines of all runs: one that writes out its placeholder of a
    password for pages on end must not keep it from them. (It took minutes for each piece.)"""
    secrets = [b"x" * size for size in (8, 2000, 4095, 4096)]
    began_s = time.process_time()
    assert through(secrets, [b"a", b"x" * (1 << 16), b"x" * (1 << 16), b"z"]) == b"a" + MARK + b"z"
    assert time.process_time() - began_s < 1.0


@pytest.mark.parametrize("secret", [b"ababab", b"aabaa", b"abaaba", b"abcab"])
def test_where_a_secret_overlaps_itself_it_is_hidden_to_the_last(secret: bytes) -> None:
    """Each text is two of it that share their ends, one for each way in which they can."""
    for shared in range(1, len(secret)):
        if secret.startswith(secret[-shared:]):
            whole = b"-" + secret + secret[shared:] * 3 + b"-"
            assert through([secret], [whole]) == b"-" + MARK + b"-"


def test_without_secrets_nothing_is_copied() -> None:
    piece = memoryview(b"abc")
    assert Redactor([]).feed(piece) is piece


async def test_what_is_kept_of_a_real_run_has_no_secret(open_ward: Any) -> None:
    """Cut in two by a pause, repeated, and last without a line's end."""
    script = "printf 'pass: correct'; sleep 0.1; printf -- '-horse.\\n'; printf correct-horse"
    launch = open_ward.shell("run", script, secrets=(SECRET.decode(),))
    end = await open_ward.run(launch)
    assert open_ward.output("run") == b"pass: [redacted].\n[redacted]"
    assert end.exit.output_bytes == len(open_ward.output("run"))


async def test_a_gigabyte_s_worth_of_secrets_stays_within_output_max(open_ward: Any) -> None:
    script = "yes correct-horse | head -c 20000000"
    launch = open_ward.shell("run", script, secrets=(SECRET.decode(),), output_max_bytes=1 << 16)
    end = await open_ward.run(launch)
    kept = open_ward.output("run")
    assert b"correct-h" not in kept.replace(MARK, b"")
    assert len(kept) == 1 << 16
    assert end.exit.output_bytes - end.exit.output_dropped_bytes == 1 << 16


async def test_what_a_run_says_of_itself_has_no_secret_either(open_ward: Any) -> None:
    program = (
        "import os, socket, time\n"
        "out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "out.connect(os.environ['NOTIFY_SOCKET'])\n"
        "out.send(b'STATUS=with correct-horse\\nX_JOBD_STEP=correct-horse')\n"
        "time.sleep(600)\n"  # until the end of the test
    )
    await open_ward.start(open_ward.python("run", program, secrets=(SECRET.decode(),)))
    said = (await open_ward.report(RunSaid, "run")).said
    assert (said.status, said.step) == ("with [redacted]", "_redacted_")


async def test_steps_are_found_in_the_redacted_output(open_ward: Any) -> None:
    """They become labels of metrics, which everybody reads."""
    launch = open_ward.shell(
        "run",
        "echo step correct-horse",
        steps=(r"step (?P<step>\S+)", None),
        secrets=(SECRET.decode(),),
    )
    end = await open_ward.run(launch)
    assert [step.step for step in end.exit.steps] == ["_redacted_"]


@pytest.mark.parametrize("secrets", ["x", [""], [1], {}])
def test_secrets_that_are_none_are_refused(secrets: Any) -> None:
    with pytest.raises(ValueError, match=r"secrets must be|is no list"):
        Spec({**GOOD, "secrets": secrets})
