"""The sockets of runs: who may write to them, and what is left of them."""

import os
import socket
import stat
from pathlib import Path

import pytest

from jobd.supervisor.mailboxes import LONGEST_MESSAGE, Mailboxes
from tests.supervisor.senders import send, send_as

NOBODY = 65534


def test_messages_are_taken_in_order_and_then_there_is_none(tmp_path: Path) -> None:
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(None)
    send(box.path, b"A=1")
    send(box.path, b"A=2")
    assert [box.take(), box.take(), box.take()] == [b"A=1", b"A=2", None]
    box.close()
    boxes.close()


def test_a_message_that_is_too_long_is_dropped_and_counted(tmp_path: Path) -> None:
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(None)
    send(box.path, b"x" * LONGEST_MESSAGE)
    send(box.path, b"x" * (LONGEST_MESSAGE + 1))
    assert box.take() == b"x" * LONGEST_MESSAGE
    assert (box.take(), box.dropped) == (b"", 1)
    box.close()
    boxes.close()


def test_descriptors_that_come_along_are_not_kept(tmp_path: Path) -> None:
    """A service may hand its descriptors to systemd; here they would only fill our table."""
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(None)
    ours, theirs = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.connect(box.path)
        socket.send_fds(out, [b"FDSTORE=1"], [theirs])
    os.close(theirs)
    assert box.take() == b"FDSTORE=1"
    os.set_blocking(ours, False)
    assert os.read(ours, 1) == b"", "the last writer is gone"
    os.close(ours)
    box.close()
    boxes.close()


@pytest.mark.usefixtures("needs_root")
def test_only_the_run_s_own_user_gets_through(tmp_path: Path) -> None:
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(NOBODY)
    assert send_as(NOBODY, box.path, b"A=1")
    assert not send_as(NOBODY - 1, box.path, b"A=2")
    assert (box.take(), box.take()) == (b"A=1", None)
    box.close()
    boxes.close()


@pytest.mark.usefixtures("needs_root")
def test_others_may_pass_through_the_directory_and_do_no_more(tmp_path: Path) -> None:
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(NOBODY)
    assert stat.S_IMODE(os.stat(os.path.dirname(box.path)).st_mode) == 0o711
    box.close()
    boxes.close()


def test_a_path_is_gone_with_its_run_and_the_directory_with_the_supervisor(
    tmp_path: Path,
) -> None:
    boxes = Mailboxes(str(tmp_path))
    box, other = boxes.open(None), boxes.open(None)
    directory = os.path.dirname(box.path)
    box.close()
    assert os.listdir(directory) == [os.path.basename(other.path)]
    boxes.close()
    assert not os.path.exists(directory)
    assert os.listdir(tmp_path) == []
    other.close()


def test_the_next_supervisor_sweeps_what_a_dead_one_left(tmp_path: Path) -> None:
    left = Mailboxes(str(tmp_path)).open(None)
    boxes = Mailboxes(str(tmp_path))
    assert not os.path.exists(os.path.dirname(left.path))
    left.close()
    boxes.close()


def test_a_record_that_was_tampered_with_removes_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "supervisor.notify").write_text(str(precious))
    boxes = Mailboxes(str(tmp_path))
    assert precious.is_dir()
    boxes.close()


def test_a_directory_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    boxes = Mailboxes(str(tmp_path))
    box = boxes.open(None)
    box.close()
    os.rmdir(os.path.dirname(box.path))
    box = boxes.open(None)
    send(box.path, b"A=1")
    assert box.take() == b"A=1"
    box.close()
    boxes.close()


def test_a_state_directory_with_a_long_name_does_not_matter(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    boxes = Mailboxes(str(deep))
    box = boxes.open(None)
    assert len(box.path) < 100
    box.close()
    boxes.close()


def test_without_a_place_for_sockets_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say; it is tried again for each run."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "mkdir", refuse)
        boxes = Mailboxes(str(tmp_path))
        with pytest.raises(OSError, match="No space left"):
            boxes.open(None)
    box = boxes.open(None)
    assert os.path.dirname(box.path) not in ("", "/")
    box.close()
    boxes.close()
