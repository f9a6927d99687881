"""The manual pages: whole, and without a complaint of what renders them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from deploy.man.commands import ctl_page, jobd_page
from deploy.man.configuration import configuration_page
from deploy.man.roff import Page, text
from jobd.cli.main import jobd
from jobd.config.json_schema import TABLES
from jobd.config.schema import JobTable, PoolTable, Table

ROOT = Path(__file__).parents[2]
NAMES = ("jobd.1", "jobd-ctl.1", "jobd.toml.5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the pages, as "make man" writes them."""
    folder = tmp_path_factory.mktemp("man")
    command = [sys.executable, "-m", "deploy.man", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=30)
    return folder


@pytest.mark.parametrize("option", ["--help", "-h", "-"])
def test_an_option_makes_no_folder(tmp_path: Path, option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.man", option],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "usage: python -m deploy.man FOLDER\n")
    assert list(tmp_path.iterdir()) == []


def rendered(groff: str, page: Path, columns: int = 80) -> str:
    """Return a page as a terminal shows it, without bold; a complaint fails."""
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", f"-rLL={columns}n", "-P-cbou", str(page)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_groff_has_nothing_to_complain_of(
    folder: Path, needs_tool: Callable[[str, str], str], name: str
) -> None:
    groff = needs_tool("groff", "groff")
    shown = rendered(groff, folder / name)
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "SEE ALSO" in shown


@pytest.mark.parametrize("name", NAMES)
def test_mandoc_has_nothing_to_complain_of(
    folder: Path, needs_tool: Callable[[str, str], str], name: str
) -> None:
    """It reads more closely than groff; that a page has no date is what it may say."""
    mandoc = needs_tool("mandoc", "mandoc")
    done = subprocess.run(
        [mandoc, "-Tlint", "-Wwarning", str(folder / name)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if "missing date" not in line] == []


def members(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command


def plain(page: Page) -> str:
    """Return what a page says, without its macros and fonts."""
    said = re.sub(r"\\f[BR]|\\&", "", str(page))
    return said.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\(dq", '"')


def ctl() -> click.Group:
    group = jobd.get_command(click.Context(jobd), "ctl")
    assert isinstance(group, click.Group)
    return group


@pytest.mark.parametrize(("page", "group"), [(jobd_page, jobd), (ctl_page, ctl())])
def test_every_command_and_option_is_there(page: Callable[[], Page], group: click.Group) -> None:
    said = plain(page())
    prefix = "jobd" if group is jobd else "jobd ctl"
    for name, command in members(group):
        assert f'.SS "{prefix} {name}' in said
        if isinstance(command, click.Group):
            continue
        part = said.partition(f'.SS "{prefix} {name}')[2].partition(".SS")[0]
        shared = said.partition('.SH "OPTIONS"')[2].partition(".SH")[0]
        options = [o for o in command.params if isinstance(o, click.Option)]
        assert [o.opts for o in options if o.opts[-1] not in part + shared] == []


@pytest.mark.parametrize(
    ("table", "title"),
    [
        *((model, f"[{name}]") for name, model in TABLES.items()),
        (PoolTable, "[pools.NAME]"),
        (JobTable, "[jobs.NAME]"),
    ],
)
def test_every_key_is_there(table: type[Table], title: str) -> None:
    part = plain(configuration_page()).partition(f'.SH "{title}"')[2].partition(".SH")[0]
    assert [key for key in table.model_fields if f"\n{key}\n" not in part] == []


def test_nothing_in_a_text_is_a_request_or_an_escape() -> None:
    assert text(".TH \\n'x' -a ~^`…\"") == (r"\&.TH \en\(aqx\(aq \-a \(ti\(ha\(ga\[u2026]\(dq")
