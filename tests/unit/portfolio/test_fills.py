from nanodesk.market.instrument import Instrument
from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.fills import Fill, SimpleFill


class TestSimpleFill:
    def test_fills_in_full_at_the_price(self):
        fill = SimpleFill(CostModel(commission_bps=10)).fill(Instrument("ES", multiplier=50), -2, 1_000)
        assert fill == Fill("ES", -2, 1_000, 100_000, 100)


class TestFill:
    def test_cash_of_a_purchase_and_of_a_sale(self):
        assert Fill("A", 2, 100, 200, 5).cash == -205
        assert Fill("A", -2, 100, 200, 5).cash == 195

    def test_buying_below_zero_brings_cash(self):
        assert Fill("CL", 2, -100, 200, 5).cash == 195
