"""The style of the code, as tests: each failure names the places to change."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "jobd"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 299
LONGEST_FUNCTION = 39
DEEPEST_NESTING = 3

# One for each of the two processes.
CLOCKS = {PACKAGE / "clock.py", PACKAGE / "supervisor/instants.py"}

# Folders of tests that belong to no one folder of the code.
CROSS_CUTTING = {"deploy", "docs", "release", "sim", "system", "vm"}
# Protocols alone: the conformance tests of who implements them are their tests.
WITHOUT_BEHAVIOUR = {"ports"}

EMPTY_NAMES = re.compile(r"utils?|helpers?|common|base|manager|misc", re.IGNORECASE)
EMPTY_CLASS_NAMES = re.compile(r"\w*(Utils?|Helper|Manager|Base)")

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

CLOCK_READERS = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|clock_gettime)(_ns)?"
    r"|(datetime\.)?(datetime|date)\.(now|utcnow|today)"
    r"|.*loop(\(\))?\.time"
)


def place(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, FUNCTIONS):
                yield f"{place(path, node.lineno)} {node.name}", node


def depth(node: ast.AST, level: int = 0) -> int:
    """Return how deep branches lie in each other; an elif is no deeper than its if."""
    return max(
        (_depth_of(child, node, level) for child in ast.iter_child_nodes(node)), default=level
    )


def _depth_of(child: ast.AST, parent: ast.AST, level: int) -> int:
    if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
        return level  # judged by itself
    is_elif = isinstance(child, ast.If) and isinstance(parent, ast.If) and parent.orelse == [child]
    return depth(child, level + (isinstance(child, BRANCHES) and not is_elif))


def test_every_file_fits_in_a_head() -> None:
    sizes = {place(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_every_function_fits_on_a_screen() -> None:
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions()}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_no_function_nests_deeper_than_three() -> None:
    depths = {name: depth(node) for name, node in functions()}
    assert {name: level for name, level in depths.items() if level > DEEPEST_NESTING} == {}


def test_an_elif_is_no_deeper_than_its_if() -> None:
    """The measure itself: else every chain of four would count as nesting."""
    chain = "if a:\n  x\nelif b:\n  x\nelif c:\n  x\nelif d:\n  x"
    nest = "if a:\n  for b in c:\n    while d:\n      x"
    assert (depth(ast.parse(chain)), depth(ast.parse(nest))) == (1, 3)


def test_nothing_is_left_for_later() -> None:
    words = ("TO,DO", "FIX,ME", "X,XX", "HA,CK")  # cut, so that this line is none of them
    later = re.compile(rf"\b({'|'.join(words).replace(',', '')})\b")
    written = {".py", ".sql", ".html", ".css", ".js", ".toml", ".md", ".yml"}
    files = [
        ROOT / "Makefile",
        *(
            path
            for folder in ("jobd", "tests", "benchmarks", "deploy", "docs", "config")
            for path in (ROOT / folder).rglob("*")
            if path.suffix in written
        ),
    ]
    assert [
        place(path, number)
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if later.search(line)
    ] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    paths = [path for path in PACKAGE.rglob("*") if path.suffix == ".py" or path.is_dir()]
    assert [place(path) for path in paths if EMPTY_NAMES.fullmatch(path.stem)] == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    assert [
        f"{place(path, node.lineno)} {node.name}"
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAMES.fullmatch(node.name)
    ] == []


def test_the_tests_mirror_the_code() -> None:
    """Whoever looks for the tests of jobd/store looks in tests/store."""
    code = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    tests = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    assert tests - CROSS_CUTTING == code - WITHOUT_BEHAVIOUR


def test_every_module_says_what_it_is() -> None:
    assert [place(path) for path in SOURCES if not ast.get_docstring(tree_of(path))] == []


def test_each_process_has_one_reader_of_clocks() -> None:
    """A second reader is a second opinion of what time it is, and untestable."""
    assert [
        f"{place(path, node.lineno)} {ast.unparse(node)}"
        for path in SOURCES
        if path not in CLOCKS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and CLOCK_READERS.fullmatch(ast.unparse(node))
    ] == []


def test_no_module_imports_a_clock_by_name() -> None:
    assert [
        place(path, node.lineno)
        for path in SOURCES
        if path not in CLOCKS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and {alias.name for alias in node.names} - {"sleep"}
    ] == []


def run_python(
    *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_supervisor_needs_nothing_but_python() -> None:
    """It holds every running job: no third-party defect or upgrade may end it.

    -S: the interpreter does not see site-packages at all. 64 is its word for bad usage.
    """
    done = run_python("-S", "-m", "jobd.supervisor", "--unheard-of")
    assert done.returncode == 64, done.stderr


def test_the_supervisor_s_package_imports_nothing_but_python() -> None:
    """Also not in a function, where the test before this one would not see it."""
    imported = {
        (place(path, node.lineno), name.split(".")[0])
        for path in (PACKAGE / "supervisor").glob("*.py")
        for node in ast.walk(tree_of(path))
        for name in names_imported(node)
    }
    allowed = sys.stdlib_module_names | {"jobd"}
    assert {(where, name) for where, name in imported if name not in allowed} == set()


def names_imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_ctl_loads_none_of_the_daemon_s_libraries() -> None:
    """It must answer before one has taken the finger off the key, also in a loop of a script."""
    script = """
import atexit, sys
heavy = {"aiohttp", "pydantic", "rich", "sqlite3", "structlog", "asyncio", "prometheus_client"}
atexit.register(lambda: print("loaded:", sorted(heavy & set(sys.modules))))
sys.argv = ["jobd", "ctl", "--socket", "/nowhere/jobd.sock", "status"]
from jobd.cli.main import main
main()
"""
    done = run_python("-c", script)
    assert (done.returncode, done.stdout) == (69, "loaded: []\n"), done.stderr
