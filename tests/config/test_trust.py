"""Whoever could put another file in the place of one that root acts upon, could be root."""

import os
from pathlib import Path

import pytest

from jobd.config import machine
from jobd.config.load import load
from jobd.config.problem import ConfigErrors, Unfit
from jobd.config.trust import check_way

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give things away")


def refusal(path: Path) -> str:
    with pytest.raises(Unfit) as refused:
        check_way(str(path))
    return str(refused.value)


def written(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "a.toml"
    path.write_text(text)
    return path


def test_a_file_among_root_s_own_is_trusted(tmp_path: Path) -> None:
    check_way(str(written(tmp_path / "conf")))


@pytest.mark.parametrize("above", ["conf", "conf/jobs.d"])
def test_a_folder_on_the_way_that_anyone_may_write_to_is_refused(
    tmp_path: Path, above: str
) -> None:
    path = written(tmp_path / "conf/jobs.d")
    (tmp_path / above).chmod(0o777)
    assert refusal(path) == (
        f"is in {tmp_path / above}, where anyone may replace it, which root cannot trust; "
        f"chmod o-w {tmp_path / above}"
    )


def test_what_is_ours_is_trusted_where_nobody_may_remove_it(tmp_path: Path) -> None:
    """As in /tmp: others may write beside it, and that is all."""
    path = written(tmp_path / "conf")
    path.parent.chmod(0o1777)
    check_way(str(path))


@needs_root
@pytest.mark.parametrize("kind", ["file", "link", "link to the folder"])
def test_what_another_user_made_in_a_folder_of_everybody_s_is_refused(
    tmp_path: Path, kind: str
) -> None:
    """A link of his leads wherever he likes, and to something else tomorrow."""
    everybody_s, real = tmp_path / "everybody's", written(tmp_path / "conf")
    everybody_s.mkdir()
    everybody_s.chmod(0o1777)
    path = made = everybody_s / "a.toml"
    if kind == "file":
        made.write_text("")
    elif kind == "link":
        made.symlink_to(real)
    else:
        made = everybody_s / "conf"
        made.symlink_to(real.parent)
        path = made / "a.toml"
    os.chown(made, NOBODY, NOBODY, follow_symlinks=False)
    assert refusal(path).startswith(f"is reached by {made}, which user {NOBODY} made")


def test_links_of_root_s_lead_on(tmp_path: Path) -> None:
    """/etc/jobd may well be a link to where a deployment keeps its files."""
    path = written(tmp_path / "releases/42")
    (tmp_path / "current").symlink_to("releases/../releases/42")
    check_way(str(tmp_path / "current" / path.name))


def test_the_folder_that_a_link_leads_to_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "open")
    (tmp_path / "link.toml").symlink_to(path)
    path.parent.chmod(0o777)
    assert refusal(tmp_path / "link.toml").startswith(f"is in {tmp_path}/open, ")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    check_way(str(tmp_path / "a"))  # that it cannot be opened is said by whoever opens it


@pytest.mark.parametrize("is_root", [True, False])
def test_an_included_file_in_an_open_folder_is_refused_for_root_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_root: bool
) -> None:
    monkeypatch.setattr(machine, "is_root", lambda: is_root)
    included = written(tmp_path / "jobs.d")
    included.parent.chmod(0o777)
    main = tmp_path / "jobd.toml"
    main.write_text('include = ["jobs.d/*.toml"]')
    if not is_root:
        assert load(main).jobs == {}
        return
    with pytest.raises(ConfigErrors) as refused:
        load(main)
    assert [f"{p.file}: {p.mend}" for p in refused.value.problems] == [
        f"{included}: chmod o-w {included.parent}"
    ]


@needs_root
def test_a_file_of_another_user_s_is_told_of(tmp_path: Path) -> None:
    """He may be meant to: a file's owner and group are its administrators. Or not."""
    main = written(tmp_path)
    os.chown(main, NOBODY, NOBODY)
    assert [str(warning) for warning in load(main).warnings if "belongs" in str(warning)] == [
        f"{main}: belongs to user {NOBODY}, who can so have root execute anything; "
        "chown root it, unless that user is meant to"
    ]
