"""Negotiate: real clients get the format they know; nonsense gets the one all know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.telemetry.negotiate import Format, accepts_gzip, best_format

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", Format.OPENMETRICS),
        ("application/openmetrics-text;q=0.4, text/plain;q=0.9", Format.PROMETHEUS),
        ("application/openmetrics-text;q=0", Format.PROMETHEUS),
        ("application/openmetrics-text;version=2.0.0", Format.PROMETHEUS),
        (BROWSER, Format.PROMETHEUS),
        ("*/*", Format.PROMETHEUS),
        ("", Format.PROMETHEUS),
        ("application/openmetrics-text;q=many", Format.PROMETHEUS),
    ],
)
def test_the_best_format_both_know_is_chosen(accept: str, wanted: Format) -> None:
    assert best_format(accept) is wanted


@pytest.mark.parametrize(
    ("accept_encoding", "wanted"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br, zstd", False),
        ("identity", False),
        ("", False),
        ("gzip;q=nan", False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(accept_encoding: str, wanted: bool) -> None:
    assert accepts_gzip(accept_encoding) is wanted


@given(st.text())
def test_no_header_is_too_strange(header: str) -> None:
    assert best_format(header) in Format
    assert accepts_gzip(header) in (True, False)
