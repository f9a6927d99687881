"""Whose a crontab is goes by where it lies, as with cron."""

import os
from pathlib import Path

import pytest

from jobd.config.importers.crontab.files import Stated, files_at
from jobd.config.importers.crontab.text import CrontabFile, Kind
from jobd.config.importers.imported import Finding, NotImportable


def put(path: Path, text: str = "@daily root x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def only(path: Path, stated: Stated | None = None) -> CrontabFile:
    (file,) = files_at(path, stated or Stated())
    assert isinstance(file, CrontabFile)
    return file


@pytest.mark.parametrize(
    ("place", "kind", "user"),
    [
        ("etc/crontab", Kind.SYSTEM, None),
        ("etc/cron.d/php", Kind.SYSTEM, None),
        ("etc/anacrontab", Kind.ANACRON, None),
        ("var/spool/cron/crontabs/joe", Kind.USER, "joe"),
        ("var/spool/cron/joe", Kind.USER, "joe"),
        ("home/joe/my-crontab", Kind.USER, None),
    ],
)
def test_the_place_says_what_it_is(
    tmp_path: Path, place: str, kind: Kind, user: str | None
) -> None:
    file = only(put(tmp_path / place))
    assert (file.kind, file.user) == (kind, user)


def test_what_is_said_counts_more(tmp_path: Path) -> None:
    path = put(tmp_path / "var/spool/cron/crontabs/joe")
    assert only(path, Stated(user="ann")).user == "ann"
    assert only(path, Stated(Kind.SYSTEM)).kind is Kind.SYSTEM


def test_a_folder_of_users_has_a_crontab_for_each(tmp_path: Path) -> None:
    for name in ("joe", "ann.lee", ".hidden"):
        put(tmp_path / "backup-of-spool" / name)
    files = list(files_at(tmp_path / "backup-of-spool", Stated()))
    assert [file.user for file in files if isinstance(file, CrontabFile)] == ["ann.lee", "joe"]


def test_of_cron_d_only_what_cron_reads_is_read(tmp_path: Path) -> None:
    """dpkg leaves php.dpkg-old there; cron passes over every name with a dot."""
    for name in ("php", "php.dpkg-old", ".placeholder"):
        put(tmp_path / "cron.d" / name)
    file, finding = files_at(tmp_path / "cron.d", Stated())
    assert isinstance(file, CrontabFile)
    assert file.shown.endswith("/php")
    assert isinstance(finding, Finding)
    assert finding.file.endswith("/php.dpkg-old")


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(NotImportable, match=r"none: cannot be read \(No such file"):
        list(files_at(tmp_path / "none", Stated()))


def test_what_is_far_too_large_is_no_crontab(tmp_path: Path) -> None:
    with pytest.raises(NotImportable, match="larger than 1M"):
        only(put(tmp_path / "big", "x" * (1 << 20) + "x"))


def test_bytes_that_are_no_text_stay_in_their_line(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"@daily a\n@daily \xe9\n")
    assert only(tmp_path / "c").text == "@daily a\n@daily \udce9\n"


def test_what_is_no_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """A package that is gone leaves a link to nothing, which cron passes over; a pipe would
    keep its reader waiting for ever."""
    put(tmp_path / "cron.d" / "php")
    (tmp_path / "cron.d" / "gone").symlink_to("/nonexistent/file")
    os.mkfifo(tmp_path / "cron.d" / "pipe")
    found = list(files_at(tmp_path / "cron.d", Stated()))
    assert [one.shown for one in found if isinstance(one, CrontabFile)] == [
        str(tmp_path / "cron.d" / "php")
    ]
    told = [one.file for one in found if isinstance(one, Finding)]
    assert told == [str(tmp_path / "cron.d" / name) for name in ("gone", "pipe")]
