"""Ends that wait for the next supervisor."""

from pathlib import Path

import pytest

from jobd.supervisor.spool import read_spool, write_spool


def test_what_is_spooled_is_read(tmp_path: Path) -> None:
    ends: list[dict[str, object]] = [{"run": {"run_id": "a"}}, {"run": {"run_id": "b"}}]
    write_spool(str(tmp_path), ends)
    assert read_spool(str(tmp_path)) == ends


def test_nothing_to_spool_leaves_no_file(tmp_path: Path) -> None:
    write_spool(str(tmp_path), [{"run": {}}])
    write_spool(str(tmp_path), [])
    assert list(tmp_path.iterdir()) == []
    assert read_spool(str(tmp_path)) == []


def test_a_damaged_line_costs_only_itself(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_spool(str(tmp_path), [{"a": 1}, {"b": 2}])
    path = tmp_path / "supervisor.spool"
    path.write_bytes(b"half a li\n" + path.read_bytes())
    assert read_spool(str(tmp_path)) == [{"a": 1}, {"b": 2}]
    assert "cannot be read" in capfd.readouterr().err
