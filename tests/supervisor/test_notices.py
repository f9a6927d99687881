"""What comes over a NOTIFY_SOCKET may be anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.supervisor.notices import microseconds, parse, share, status


@given(st.binary())
def test_any_message_is_read_without_complaint(message: bytes) -> None:
    for name, value in parse(message):
        assert "=" not in name
        assert "\n" not in value


def test_assignments_come_in_their_order_and_the_rest_is_passed_over() -> None:
    message = b"STATUS=a = b\nno assignment\n\nX_JOBD_STEP=\xff\n=value\nSTATUS=c\n"
    assert parse(message) == [
        ("STATUS", "a = b"), ("X_JOBD_STEP", "\N{REPLACEMENT CHARACTER}"), ("", "value"),
        ("STATUS", "c"),
    ]  # fmt: skip


def test_only_so_many_lines_of_a_message_are_read() -> None:
    assert len(parse(b"A=1\n" * 1000)) == 64


def test_a_status_is_one_printable_line_of_bounded_length() -> None:
    """It is shown on terminals: no escape sequence of a job's may reach one."""
    assert status(" \x1b[31mred\t") == "\N{REPLACEMENT CHARACTER}[31mred"
    assert status("x" * 1000) == "x" * 200


@pytest.mark.parametrize(
    "value", ["", "x", "-0.1", "1.1", "nan", "inf", "1_0", "0" * 100, "\u0660"]
)
def test_what_is_no_share_is_none(value: str) -> None:
    assert share(value) is None


@pytest.mark.parametrize(
    ("value", "number"), [("0", 0.0), ("0.42", 0.42), ("1", 1.0), ("1e-1", 0.1)]
)
def test_a_share_is_a_number_from_0_to_1(value: str, number: float) -> None:
    assert share(value) == number


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "9" * 100, "\u0663", "²"])
def test_what_are_no_microseconds_are_none(value: str) -> None:
    assert microseconds(value) is None


def test_microseconds_become_seconds() -> None:
    assert microseconds("1500000") == 1.5
