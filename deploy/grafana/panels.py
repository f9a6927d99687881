"""Panels: what a dashboard shows, in our words, and the JSON that Grafana makes of it."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
Json = dict[str, Any]

# (from this value on, the colour); the first has no value: from below on.
Steps = Sequence[tuple[float | None, str]]
GOOD_IF_0: Steps = ((None, "green"), (1, "red"))
GOOD_IF_1: Steps = ((None, "red"), (1, "green"))
SHARE: Steps = ((None, "green"), (0.8, "orange"), (1, "red"))
PLAIN: Steps = ((None, "blue"),)

_HEIGHTS = {"stat": 4}  # of 8 else
_INSTANT = ("stat", "bargauge", "table")
_LAST = {"calcs": ["lastNotNull"]}
_OPTIONS: dict[str, Json] = {
    "stat": {
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "value_and_name",
        "reduceOptions": _LAST,
    },
    "bargauge": {"displayMode": "lcd", "orientation": "horizontal", "reduceOptions": _LAST},
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
}


class Query(NamedTuple):
    """A PromQL expression, and how its series are called.

    ``OF`` in it stands for the choice made at the head of the dashboard.
    """

    expr: str
    legend: str = ""
    has_exemplars: bool = False


class Panel:
    """One panel. ``kind`` is Grafana's word for it, ``width`` of 24.

    ``job_field``: the field or variable in which the name of a job is, for links to it.
    ``hidden``: columns of a table.
    """

    def __init__(
        self, kind: str, title: str, help_: str, width: int, *queries: Query,
        unit: str = "short", steps: Steps = PLAIN, is_stacked: bool = False,
        job_field: str = "", hidden: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.title = title
        self.width = width
        self.height = _HEIGHTS.get(kind, 8)
        self._kind, self._help, self._queries = kind, help_, queries
        self._unit, self._steps, self._is_stacked = unit, steps, is_stacked
        self._job_field, self._hidden = job_field, hidden

    def json(self, number: int, x: int, y: int, of: str) -> Json:
        """Return the panel at a place."""
        found: Json = {
            "id": number,
            "type": self._kind,
            "title": self.title,
            "description": self._help,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target(i, query, of) for i, query in enumerate(self._queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": _OPTIONS.get(self._kind, {}),
        }
        if self._kind == "table":
            hidden = dict.fromkeys(("Time", "__name__", "job", *self._hidden), True)
            organize = {"id": "organize", "options": {"excludeByName": hidden}}
            found["transformations"] = [organize]
        return found

    def _target(self, index: int, query: Query, of: str) -> Json:
        return {
            "refId": "ABCDEFGH"[index],
            "datasource": SOURCE,
            "expr": put_in(query.expr, of),
            "legendFormat": query.legend or "__auto",
            "instant": self._kind in _INSTANT,
            "range": self._kind not in _INSTANT,
            "exemplar": query.has_exemplars,
            "format": "table" if self._kind == "table" else "time_series",
        }

    def _defaults(self) -> Json:
        steps = [{"value": value, "color": color} for value, color in self._steps]
        found: Json = {
            "unit": self._unit,
            "min": 0,
            "color": {"mode": "thresholds"},
            "thresholds": {"mode": "absolute", "steps": steps},
            "links": self._links(),
        }
        if self._kind == "timeseries":
            found["color"] = {"mode": "palette-classic"}
            found["custom"] = {
                "fillOpacity": 20 if self._is_stacked else 5,
                "stacking": {"mode": "normal" if self._is_stacked else "none", "group": "A"},
                "showPoints": "never",
            }
        return found

    def _links(self) -> list[Json]:
        if not self._job_field:
            return []
        name = f"${{{self._job_field}}}"
        pages = {"title": f"{name} on jobd's pages", "url": f"${{pages:raw}}/jobs/{name}"}
        dashboard = {
            "title": f"{name}: dashboard",
            "url": f"/d/jobd-job?var-job={name}&${{datasource:queryparam}}&${{__url_time_range}}",
        }
        return [pages] if self._job_field == "job" else [dashboard, pages]


def put_in(expr: str, of: str) -> str:
    """Return the expression with the dashboard's choice in the place of ``OF``."""
    return re.sub(r"\bOF\b", lambda match: of, expr)
