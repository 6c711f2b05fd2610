from nanodesk.portfolio.costs import CostModel
from nanodesk.portfolio.portfolio import Portfolio
from nanodesk.strategies.base import Strategy
from nanodesk.strategies.equal_weight import EqualWeight

BOOK = Portfolio(100, CostModel())


class TestEqualWeight:
    def test_shares_equally_among_what_trades(self):
        weights = EqualWeight().compute_weights(0, {"C": 1, "A": 2, "B": 3}, BOOK)
        assert weights == [("A", 1 / 3), ("B", 1 / 3), ("C", 1 / 3)]

    def test_nothing_trades(self):
        assert EqualWeight().compute_weights(0, {}, BOOK) == []

    def test_is_a_strategy(self):
        assert isinstance(EqualWeight(), Strategy)
