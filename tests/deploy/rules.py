"""Rules: the alerts in deploy/prometheus, taken apart."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "prometheus"
RULES = FOLDER / "jobd.rules.yml"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))

_ALERT = re.compile(r"^      - alert: (\w+)\n(.*?)(?=^      - alert|^  - name|\Z)", re.M | re.S)
_SEVERITY = re.compile(r"^          severity: (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; ``text`` is its rule as written."""

    name: str
    text: str

    @property
    def severity(self) -> str:
        """Who is to look, and when."""
        (found,) = _SEVERITY.findall(self.text)
        return str(found)

    def annotation(self, name: str) -> str:
        """Return an annotation as it is written, templates and all."""
        pattern = rf"^          {name}:(.*?)(?=^          \w+:|\Z)"
        (found,) = re.findall(pattern, self.text, re.MULTILINE | re.DOTALL)
        text = str(found).removeprefix(" |\n").removeprefix(" >-\n")
        return "\n".join(line.strip() for line in text.splitlines())


def alerts() -> list[Alert]:
    """Return all alerts in the order of the file."""
    text = RULES.read_text(encoding="utf-8")
    return [Alert(match[1], match[0]) for match in _ALERT.finditer(text)]
