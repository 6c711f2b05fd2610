"""Our compatible risk engine against the stored answers of the published wheel, and where ours is right instead."""

import json
from pathlib import Path
from typing import Any

import pytest

from nanodesk.compat import nanobook
from nanodesk.market.order import Order, WorkingOrder
from nanodesk.risk.engine import RiskEngine
from reference import nanobook_risk_cases as cases
from reference.nanobook_answers import plain
from risk_scenes import account, context, free, holding, limit, units

GOLDEN = json.loads((Path(__file__).resolve().parent.parent / "data" / "nanobook_0_9_3_risk.json").read_text())


class TestPublishedRiskEngine:
    def test_members(self) -> None:
        assert cases.members(nanobook) == GOLDEN["members"]

    def test_examples_of_the_documents(self) -> None:
        assert plain(cases.fixed(nanobook)) == GOLDEN["fixed"]

    def test_random_questions(self) -> None:
        assert plain(cases.answers(nanobook)) == GOLDEN["random"]

    def test_types_of_errors(self) -> None:
        assert cases.errors(nanobook) == GOLDEN["errors"]

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"max_position_pct": 0}, "invalid RiskConfig: max_position_pct must be in (0, 1], got 0"),
            ({"max_leverage": 0.5}, "invalid RiskConfig: max_leverage must be >= 1.0 and finite, got 0.5"),
            ({"max_leverage": -1e20}, "max_leverage must be >= 1.0 and finite, got -100000000000000000000"),
            ({"max_drawdown_pct": cases.NAN}, "max_drawdown_pct must be in [0, 1], got NaN"),
            ({"max_order_value_cents": -1}, "max_order_value_cents must be >= 0, got -1"),
        ],
    )
    def test_texts_of_errors(self, limits: dict[str, float], message: str) -> None:
        with pytest.raises(ValueError) as caught:
            nanobook.RiskEngine(**limits)
        assert message in str(caught.value)


class TestDeliberateDifferences:
    published = GOLDEN["deliberate"]
    ours = plain(cases.deliberate(nanobook))

    def test_an_order_beyond_64_bits_fails(self) -> None:
        assert self.published["order beyond 64 bits"][0]["detail"] == "$0 <= $100000 max_order_value_cents"
        assert [check["status"] for check in self.ours["order beyond 64 bits"]] == ["FAIL", "FAIL", "WARN"]

    def test_a_batch_beyond_64_bits_tells_its_leverage(self) -> None:
        assert self.published["batch beyond 64 bits"][1]["detail"].startswith("9223372036854776.00x")
        assert self.ours["batch beyond 64 bits"][1]["detail"].startswith("4611686018427387904000.00x")

    def test_a_quantity_beyond_63_bits_stays_positive(self) -> None:
        assert self.published["quantity beyond 63 bits"][0]["detail"].startswith("$-92233720368547760 <=")
        assert self.ours["quantity beyond 63 bits"][0]["status"] == "FAIL"


class TestBug10:
    """What the published engine lets through, stored from the wheel, and the native engine on the same account."""

    untouched, no_equity = GOLDEN["fixed"][3], GOLDEN["fixed"][4]

    @staticmethod
    def failures(order: Order, **changes: Any) -> set[int]:
        return {check.number for check in RiskEngine(free()).check_order(order, context(**changes)).failures}

    def test_an_untouched_holding_counts(self) -> None:
        assert self.untouched[1] == {"name": "Leverage", "status": "PASS", "detail": "1.00x <= 1.50x limit"}
        poor = account(equity_e9=units(100), buying_power_e9=units(100))
        held = (holding("MSFT", 100_000),)
        assert {24, 25} <= self.failures(limit(quantity=1), account=poor, holdings=held)

    def test_an_equity_of_zero_refuses(self) -> None:
        assert {check["status"] for check in self.no_equity} == {"PASS"}
        assert {22, 24, 25, 31} <= self.failures(limit(quantity=1), account=account(equity_e9=0))

    def test_a_single_order_is_held_to_leverage_and_shorts(self) -> None:
        held = (holding("MSFT", 1500), holding("TSLA", -350))
        assert {25, 26} <= self.failures(limit(quantity=1, side="sell"), holdings=held)

    def test_a_product_beyond_64_bits_is_exact(self) -> None:
        assert {8, 9, 22} <= self.failures(limit(quantity=2**62 // 10**9, price=100))

    def test_open_orders_count(self) -> None:
        waiting = limit(quantity=250, client_order_id="w-1")
        assert self.failures(limit(), working=(WorkingOrder(waiting, waiting.quantity_e9),)) == {22}
