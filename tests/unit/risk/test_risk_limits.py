import json

import pytest
from pydantic import ValidationError

from nanodesk.market.fixed_point import E9
from nanodesk.risk.limits import RiskConfig, written_name


class TestRiskConfig:
    def test_written_in_whole_units_and_read_in_billionths(self):
        config = RiskConfig(max_order_notional="1234.5", max_quote_age_s=2.5, max_position_frac=0.1)
        assert config.max_order_notional_e9 == 1234_500_000_000
        assert config.max_quote_age_ns == 2_500_000_000
        assert config.max_position_frac_e9 == E9 // 10

    def test_what_is_dumped_can_be_read(self):
        config = RiskConfig(
            max_order_notional="0.1", max_sector_frac="0.3", allowed_symbols={"A"}, execution_window_s=5
        )
        assert RiskConfig(**json.loads(config.model_dump_json())) == config

    def test_is_frozen(self):
        with pytest.raises(ValidationError):
            RiskConfig().max_leverage_e9 = 5

    @pytest.mark.parametrize(
        "limits",
        [
            {"max_leverage": -1}, {"max_leverage": float("nan")}, {"max_leverage": float("inf")}, {"max_leverage": "x"},
            {"max_leverage": None}, {"max_leverage": True}, {"max_leverage": [1]}, {"max_leverage": "1e400"},
            {"max_leverage_e9": 1}, {"max_leverage": "0.0000000001"}, {"max_open_orders": 1.5}, {"max_open_orders": -1},
            {"max_open_orders": "5"}, {"max_open_orders": True}, {"mode": "test"}, {"unknown": 1}, {"max_quote_age": 1},
            {"max_daily_loss_frac": 0.2, "halt_daily_loss_frac": 0.1}, {"halt_drawdown_frac": 0},
        ],
        ids=str,
    )  # fmt: skip
    def test_wrong_limits_are_refused_by_name(self, limits):
        with pytest.raises(ValidationError) as caught:
            RiskConfig(**limits)
        key = next(iter(limits))
        assert key in str(caught.value) or key.removeprefix("max") in str(caught.value)

    def test_every_limit_is_described(self):
        assert [name for name, field in RiskConfig.model_fields.items() if not field.description] == []

    def test_every_number_tells_its_unit(self):
        written = {written_name(name) for name in RiskConfig.model_fields}
        assert len(written) == len(RiskConfig.model_fields)
        assert not [name for name in written if name.endswith(("_e9", "_ns"))]
