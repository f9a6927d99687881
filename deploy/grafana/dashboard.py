"""Dashboard: panels laid out one after another, with the variables that all of them use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy.grafana.panels import SOURCE, Json, Panel, put_in

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the head of a dashboard, asked of Prometheus."""

    name: str
    label: str
    query: str
    is_single: bool = False  # one value, not several or all


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard. ``of``: what each series has to match, for ``OF`` in its queries.

    ``alerts``: PromQL of the alerts that are marked on its graphs.
    """

    uid: str
    title: str
    of: str
    variables: Sequence[Variable]
    panels: Sequence[Panel]
    alerts: str

    def json(self) -> Json:
        """Return what Grafana imports."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["jobd"],
            "schemaVersion": 39,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "links": [
                {"type": "dashboards", "title": "jobd", "tags": ["jobd"], "keepTime": True,
                 "includeVars": True},
            ],
            "annotations": {"list": [_alerts(put_in(self.alerts, self.of))]},
            "templating": {"list": [_source(), _pages(), *map(_variable, self.variables)]},
            "panels": list(_laid_out(self.panels, self.of)),
        }  # fmt: skip


def _laid_out(panels: Sequence[Panel], of: str) -> Iterator[Json]:
    """Yield the panels in lines, as many in each as fit."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield panel.json(number, x, y, of)
        x, height = x + panel.width, max(height, panel.height)


def _source() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource",
            "query": "prometheus"}  # fmt: skip


def _pages() -> Json:
    default = "http://127.0.0.1:9746"
    return {"name": "pages", "label": "jobd's pages", "type": "textbox", "query": default,
            "current": {"text": default, "value": default}}  # fmt: skip


def _variable(variable: Variable) -> Json:
    everything = {"text": "All", "value": "$__all"}
    several = {} if variable.is_single else {"allValue": ".*", "current": everything}
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": variable.query, "refId": "variable"},
        "definition": variable.query,
        "refresh": 2,  # when the range of time changes
        "sort": 1,
        "multi": not variable.is_single,
        "includeAll": not variable.is_single,
        **several,
    }


def _alerts(expr: str) -> Json:
    return {
        "name": "Alerts",
        "enable": True,
        "datasource": SOURCE,
        "iconColor": "red",
        "expr": expr,
        "step": "30s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{job_name}} {{instance}}",
    }
