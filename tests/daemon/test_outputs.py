"""Outputs: kept files are read and removed, whatever is in them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest

from jobd.daemon.outputs import Outputs
from jobd.daemon.searches import Finding
from jobd.web.node import OutputSlice
from tests.daemon.fakes import keep_output

RUN = "aa11"


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


async def test_what_was_written_can_be_read(outputs: Outputs) -> None:
    keep_output(outputs.path(RUN, 1), b"hello")
    assert await outputs.read(RUN, 1, 1, 3) == OutputSlice(b"ell", 4)


async def test_a_run_that_wrote_nothing_has_an_empty_output(outputs: Outputs) -> None:
    """Its file is made at the first byte, so there is none."""
    assert await outputs.read(RUN, 1, 0, 10) == OutputSlice(b"", 0)
    assert await outputs.search(RUN, 1, "") == Finding(False)


async def test_removing_a_run_removes_all_its_attempts_and_no_other_s(outputs: Outputs) -> None:
    for run_id, attempt in (("aa11", 1), ("aa11", 12), ("aa112", 1), ("aa1", 1), ("bb22", 3)):
        keep_output(outputs.path(run_id, attempt), b"x")
    await outputs.remove(["aa11", "bb22", "cc33"])
    left = sorted(path.name for path in outputs.path("aa11", 1).parent.glob("*"))
    assert (left, outputs.path("bb22", 3).exists()) == (["aa1.1", "aa112.1"], False)


async def test_whose_output_goes_is_sorted_on_another_thread(outputs: Outputs) -> None:
    """Retention may forget a hundred thousand runs at once, and the loop has leases to renew."""
    asked_on = set[int]()

    def forgotten() -> Iterator[str]:
        asked_on.add(get_ident())
        yield "aa11"

    await outputs.remove(forgotten())
    assert asked_on
    assert get_ident() not in asked_on


async def test_output_that_cannot_be_removed_is_told_and_keeps_no_other(
    outputs: Outputs, log: list[Any]
) -> None:
    outputs.path("aa11", 1).mkdir(parents=True)
    keep_output(outputs.path("bb22", 1), b"x")
    await outputs.remove(["aa11", "bb22"])
    assert [record["event"] for record in log] == ["output not deleted"]
    assert os.listdir(outputs.path("bb22", 1).parent) == []


async def test_what_is_no_output_is_never_taken_for_one(outputs: Outputs, tmp_path: Path) -> None:
    """Somebody keeps notes there; the state directory may even be somebody's home."""
    folder = tmp_path / "output" / "aa"
    folder.mkdir(parents=True)
    for name in ("aa11.1", "aa11.12", "aa22.1", "notes", "notes.txt", ".1"):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (0, 0))
    (tmp_path / "output" / "stray.1").write_bytes(b"")
    os.utime(folder / "aa22.1")
    assert await outputs.untouched_since(datetime(2000, 1, 1, tzinfo=UTC)) == {"aa11"}


async def test_without_any_output_nothing_is_old(outputs: Outputs) -> None:
    assert await outputs.untouched_since(datetime(2000, 1, 1, tzinfo=UTC)) == set()


async def test_a_folder_that_cannot_be_looked_through_ends_nothing(
    outputs: Outputs, tmp_path: Path, log: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "output" / "aa").mkdir(parents=True)
    (tmp_path / "output" / "aa" / "aa11.1").write_bytes(b"x")
    (tmp_path / "output" / "bb").symlink_to("bb")  # neither a folder nor anything else
    os.utime(tmp_path / "output" / "aa" / "aa11.1", (0, 0))
    assert await outputs.untouched_since(datetime(2000, 1, 1, tzinfo=UTC)) == {"aa11"}
    monkeypatch.setattr(os, "scandir", _refuse)
    assert await outputs.untouched_since(datetime(2000, 1, 1, tzinfo=UTC)) == set()
    assert [record["event"] for record in log] == ["output not looked through"]


def _refuse(path: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    "run_id", ["../../../etc/cron.d/x", "..", "/etc/shadow", ".", "", "a/../../b", "a" * 5000, "\0"]
)
def test_no_run_id_leads_out_of_the_folder(tmp_path: Path, run_id: str) -> None:
    """Ids come out of the shared database too, and root writes what its file name says."""
    path = Outputs(tmp_path).path(run_id, 1)
    assert tmp_path / "output" in Path(os.path.normpath(path)).parents
    assert len(path.name) < 255
