from pathlib import Path
from typing import get_args

from nanodesk.research.factors.catalog import FACTORS
from nanodesk.research.preprocess import Step

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "factors.md").read_text(encoding="utf-8")


class TestFactorDocs:
    def test_every_factor_and_parameter_is_described(self):
        rows = {line.split("`")[1]: line for line in TEXT.splitlines() if line.startswith("| `")}
        for factor in FACTORS.values():
            assert factor.family in rows[factor.id]
            for name, parameter in factor.parameters.items():
                shown = str(parameter.default).lower()
                assert f"`{name}` {shown}" in rows[factor.id], f"{factor.id}.{name}"

    def test_lookbacks_are_those_of_the_catalog(self):
        listed = ", ".join(str(factor.lookback) for factor in FACTORS.values())
        assert listed in TEXT.replace("\n", " ")

    def test_every_step_and_key_is_described(self):
        for model in get_args(get_args(Step)[0]):
            kind = get_args(model.model_fields["kind"].annotation)[0]
            row = next(line for line in TEXT.splitlines() if line.startswith("| `") and f"`{kind}`" in line)
            for key in model.model_fields:
                assert key in ("kind", "columns") or f"`{key}`" in row, f"{kind}.{key}"
