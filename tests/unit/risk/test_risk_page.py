"""docs/risk.md lists every check and every limit as they are."""

import re
from pathlib import Path

from nanodesk.market.fixed_point import format_e9
from nanodesk.risk.catalogue import AT_SEND_NUMBERS, CATALOGUE
from nanodesk.risk.limits import RiskConfig, written_name

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "risk.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


def default(name: str) -> str:
    value = getattr(RiskConfig(), name)
    if value is None:
        return "any" if name == "allowed_symbols" else "off"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, frozenset):
        return "none"
    return format_e9(value) if name.endswith(("_e9", "_ns")) else str(value)


def test_every_check_is_there_with_its_scope():
    told = [row[:3] for row in ROWS if row[0].rstrip("*").isdigit()]
    real = [
        [f"{rule.number}{'*' * (rule.number in AT_SEND_NUMBERS)}", rule.name, "order" if rule.of_order else "batch"]
        for rule in CATALOGUE
    ]
    assert told == real


def test_limits_that_checks_name_exist():
    told = {key for row in ROWS if row[0].rstrip("*").isdigit() for key in re.findall(r"`(\w+)`", row[4])}
    assert told <= set(map(written_name, RiskConfig.model_fields))


def test_every_limit_is_there_with_its_default():
    told = [row for row in ROWS if len(row) == 3 and row[0].startswith("`")]
    fields = RiskConfig.model_fields
    assert told == [[f"`{written_name(name)}`", default(name), fields[name].description] for name in fields]
