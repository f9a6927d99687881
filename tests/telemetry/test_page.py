"""docs/metrics.md against the metrics: what it says is there is there, and its queries parse."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobd.core.hooks import Hook, Hooks
from jobd.core.job import Scope
from jobd.core.said import StepTime
from jobd.core.view import PoolView

PAGE = (Path(__file__).parent.parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (`jobd_[^|]+) \| (counter|gauge|histogram)", re.MULTILINE)
METRIC = re.compile(r"`(jobd_\w+)(?:\{([\w,]+)\})?`")
QUERIES = re.compile(r"```promql\n(.*?)```", re.DOTALL)


def documented() -> dict[str, tuple[str, set[str]]]:
    """Return metric → its type and its labels besides ``job_name``."""
    return {
        name: (kind, set(filter(None, labels.split(","))))
        for names, kind in ROW.findall(PAGE)
        for name, labels in METRIC.findall(names)
    }


def queries() -> list[str]:
    (block,) = QUERIES.findall(PAGE)
    return [part.strip() for part in block.split("\n\n")]


async def test_the_page_lists_the_metrics_there_are_with_their_types(node: Any) -> None:
    heads = [line.split() for line in (await node.page()).splitlines() if line[:6] == "# TYPE"]
    there = {name: kind for _, _, name, kind in heads if name.startswith("jobd_")}
    assert {name: kind for name, (kind, _) in documented().items()} == there


@pytest.mark.parametrize("name", documented())
async def test_the_page_lists_the_labels_there_are(node: Any, make: Any, name: str) -> None:
    kind, wanted = documented()[name]
    node.configure(make.job(hooks=Hooks(on_failure=Hook(("alert",)))))
    node.observe(make.granted(), make.finish(steps=(StepTime("load", 1.0),)))
    node.figures = replace(node.figures, pools=(PoolView("db", 2, 1, Scope.NODE),))
    series = name + ("_count" if kind == "histogram" else "")
    found = [set(labels) - {"job_name"} for labels in (await node.samples()).labels(series)]
    assert found
    assert all(labels == wanted for labels in found)


def test_the_queries_are_promql(tmp_path: Path, needs_tool: Callable[[str, str], str]) -> None:
    rules = [{"alert": f"Query{n}", "expr": query} for n, query in enumerate(queries())]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}))
    command = (needs_tool("promtool", "prometheus"), "check", "rules", str(file))
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert len(rules) == 17
