"""Several files as one configuration."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobd.config import machine
from jobd.config.load import load
from jobd.config.problem import ConfigErrors

Write = Callable[..., Path]

JOB = '[jobs.{}]\ncommand = "x"\ntimeout = "1m"\nmemory_max = "64M"\n'


def refusal(path: Path) -> str:
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    return str(caught.value)


def test_includes_are_read_sorted_and_relative_to_their_file(write: Write, tmp_path: Path) -> None:
    path = write('include = ["jobs.d/*.toml"]\n' + JOB.format("first"))
    write(JOB.format("b"), "jobs.d/b.toml")
    write(JOB.format("a"), "jobs.d/a.toml")
    config = load(path)
    assert list(config.jobs) == ["first", "a", "b"]
    assert config.files == (path, tmp_path / "jobs.d/a.toml", tmp_path / "jobs.d/b.toml")


def test_an_included_file_may_include(write: Write) -> None:
    path = write('include = ["more/one.toml"]')
    write('include = ["two.toml"]\n' + JOB.format("one"), "more/one.toml")
    write(JOB.format("two"), "more/two.toml")
    assert list(load(path).jobs) == ["one", "two"]


def test_files_that_include_each_other_are_read_once(write: Write) -> None:
    path = write('include = ["b.toml", "*.toml"]\n' + JOB.format("a"), "a.toml")
    write('include = ["a.toml"]\n' + JOB.format("b"), "b.toml")
    assert list(load(path).jobs) == ["a", "b"]


def test_a_folder_stands_for_the_files_in_it(write: Write, tmp_path: Path) -> None:
    write(JOB.format("b"), "b.toml")
    write(JOB.format("a"), "a.toml")
    write("not TOML", "a.toml~")
    assert list(load(tmp_path).jobs) == ["a", "b"]


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: has no *.toml in it; write jobd.toml there"


def test_a_job_in_two_files_is_refused_with_both_places(write: Write, tmp_path: Path) -> None:
    path = write('include = ["a.toml", "b.toml"]')
    write("\n" + JOB.format("twice"), "a.toml")
    write(JOB.format("twice"), "b.toml")
    assert refusal(path) == (
        f"{tmp_path}/b.toml:1: jobs.twice: is in {tmp_path}/a.toml:2 too;"
        " rename or remove one of them"
    )


def test_a_table_in_two_files_is_refused_with_both_places(write: Write, tmp_path: Path) -> None:
    path = write('include = ["b.toml"]\n[daemon]\nnode = "a"')
    write('[daemon]\nnode = "b"', "b.toml")
    assert refusal(path) == (
        f"{tmp_path}/b.toml:1: daemon: is in {path}:2 too; put all its keys in one file"
    )


def test_an_include_that_matches_nothing_is_a_warning(write: Write, tmp_path: Path) -> None:
    path = write('include = ["jobs.d/*.toml"]\n')
    assert [str(warning) for warning in load(path).warnings] == [
        f"{path}:1: include[0]: matches no file; nothing was included;"
        f" mend it or write {tmp_path}/jobs.d/*.toml"
    ]


def test_a_link_that_leads_nowhere_is_refused(write: Write, tmp_path: Path) -> None:
    path = write('include = ["*.toml"]\n')
    (tmp_path / "gone.toml").symlink_to("nowhere")
    assert "gone.toml: does not exist" in refusal(path)


def test_a_pipe_among_the_includes_is_not_waited_for(write: Write, tmp_path: Path) -> None:
    path = write('include = ["*.toml"]\n')
    os.mkfifo(tmp_path / "pipe.toml")
    assert load(path).files == (path,)


def test_errors_of_all_files_come_in_one_go(write: Write, tmp_path: Path) -> None:
    path = write('include = ["*.d/*.toml"]\n[daemon]\nnode = ""')
    write("[jobs.a", "x.d/a.toml")
    write("[jobs.b]\n\ntimeout = 5", "x.d/b.toml")
    places = [line.split(" ")[0] for line in refusal(path).splitlines()]
    assert places == [
        f"{tmp_path}/x.d/a.toml:1:",
        f"{path}:3:",
        f"{tmp_path}/x.d/b.toml:1:",
        f"{tmp_path}/x.d/b.toml:3:",
    ]


@pytest.mark.parametrize("included", [False, True])
def test_root_refuses_what_anyone_may_write(
    write: Write, monkeypatch: pytest.MonkeyPatch, included: bool
) -> None:
    """Whoever may write the file may choose what root runs."""
    monkeypatch.setattr(machine, "is_root", lambda: True)
    path = write('include = ["b.toml"]')
    other = write("", "b.toml")
    target = other if included else path
    target.chmod(0o646)
    assert refusal(path) == (
        f"{target}: may be written by anyone, which root cannot trust; chmod o-w it"
    )


def test_others_may_read_what_anyone_may_write(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "is_root", lambda: False)
    path = write("")
    path.chmod(0o666)
    assert load(path).jobs == {}


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "jobd.toml"
    assert refusal(missing) == f"{missing}: does not exist; write it, or name another with -c"
    looping = tmp_path / "loop.toml"
    looping.symlink_to(looping)
    assert refusal(looping).startswith(f"{looping}: cannot be read: Too many levels")


def test_text_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "jobd.toml"
    path.write_bytes(b"# fine\n# \xff\n")
    assert refusal(path) == f"{path}:2: is no UTF-8 text; save the file as UTF-8"


def test_a_byte_order_mark_and_dos_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "jobd.toml"
    path.write_bytes(b'\xef\xbb\xbf\r\n[jobs.a]\r\ncommand = "x"\r\n')
    assert load(path).jobs["a"].provenance.line == 2


@pytest.mark.parametrize("written", ["[" * 5000, "a = " + "[" * 5000, "a = " + "9" * 5000])
def test_files_made_to_hurt_are_refused(write: Write, written: str) -> None:
    assert refusal(write(written)).count("\n") == 0
