import dataclasses

import pytest

from nanodesk.market.account import Account, Holding, Quote


class TestQuote:
    @pytest.mark.parametrize(
        ("bid", "ask", "last", "mid"),
        [(10, 12, 99, 11), (10, 13, None, 11), (12, 10, None, 11), (None, 12, 99, 12), (10, None, 99, 10),
         (None, None, 99, 99), (None, None, None, None)],
    )  # fmt: skip
    def test_mid(self, bid, ask, last, mid):
        assert Quote("A", bid, ask, last, 1).mid_e9 == mid

    def test_is_frozen(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Quote("A", 1, 2, 3, 4).bid_e9 = 5


class TestAccount:
    def test_accounts_do_not_share_balances(self):
        first, second = (Account("A", "USD", 1, 1, 1, False, 1) for _ in range(2))
        assert first == second
        assert first.balances_e9 == {}
        assert first.balances_e9 is not second.balances_e9


def test_a_holding_may_be_short():
    assert Holding("A", -5).average_price_e9 == 0
