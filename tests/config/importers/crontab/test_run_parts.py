"""The scripts of a folder are those that run-parts would run."""

from pathlib import Path

import pytest

from jobd.config.importers.crontab.run_parts import scripts_of


def test_scripts_have_plain_names_and_can_be_executed(tmp_path: Path) -> None:
    for name in ("b", "a-1", "c.sh", "d.dpkg-old", ".hidden"):
        (tmp_path / name).touch(mode=0o755)
    (tmp_path / "not-executable").touch(mode=0o644)
    (tmp_path / "folder").mkdir()
    assert scripts_of(str(tmp_path)) == [f"{tmp_path}/a-1", f"{tmp_path}/b"]


def test_a_folder_that_is_not_there_is_the_world_s_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scripts_of(str(tmp_path / "none"))
