"""From weights to orders."""

from dataclasses import replace

import pytest

from nanodesk.errors import PriceError, RebalanceError, StalePlanError
from nanodesk.market.account import Account, Holding, Quote
from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9, format_e9, parse_e9
from nanodesk.market.trading_rules import TradingRules
from nanodesk.rebalance.plan import PlanSettings, fit_to_cash, limit_price_e9, make_plan
from nanodesk.rebalance.trading_cost import TradingCost

MARKET = {"AAPL": ("184.99", "185.01"), "MSFT": ("369.90", "370.10"), "NVDA": ("599.50", "600.50")}


def quote(symbol, bid, ask):
    return Quote(symbol, bid and parse_e9(bid), ask and parse_e9(ask), None, 0)


def account(equity="1000000", *, cash=None, power=None):
    cash = equity if cash is None else cash
    return Account("PAPER", "USD", parse_e9(equity), parse_e9(cash), parse_e9(power or cash), False, 0)


def plan(weights, held=None, *, money=None, market=None, rules=None, **settings):
    market = market or MARKET
    return make_plan(
        weights,
        [Holding(symbol, parse_e9(quantity)) for symbol, quantity in (held or {}).items()],
        quotes={symbol: quote(symbol, *sides) for symbol, sides in market.items()},
        rules={symbol: (rules or {}).get(symbol, TradingRules(symbol)) for symbol in market},
        account=money or account(),
        settings=PlanSettings(**settings),
    )


def lines(made):
    return [
        (o.action, o.symbol, format_e9(o.quantity_e9), format_e9(o.limit_price_e9), o.description) for o in made.orders
    ]


class TestPublishedExample:
    def test_half_of_a_million_at_185(self):
        """The worked example of nanobook's rebalancer: 2702 shares."""
        made = plan({"AAPL": 0.5}, market={"AAPL": ("185.00", "185.00")}, limit_offset_e9=0)
        assert lines(made) == [("BUY", "AAPL", "2702", "185", "open")]


class TestActions:
    @pytest.mark.parametrize(
        ("weight", "held", "expected"),
        [
            (0.185, "0", [("BUY", "1000", "open")]),
            (-0.185, "0", [("SELL SHORT", "1000", "open short")]),
            (0.185, "400", [("BUY", "600", "increase")]),
            (0.185, "1500", [("SELL", "500", "decrease")]),
            (-0.185, "-400", [("SELL SHORT", "600", "increase short")]),
            (-0.185, "-1500", [("BUY COVER", "500", "decrease short")]),
            (-0.185, "400", [("SELL", "400", "flip to short: close"), ("SELL SHORT", "1000", "flip to short: open")]),
            (0.185, "-400", [("BUY COVER", "400", "flip to long: close"), ("BUY", "1000", "flip to long: open")]),
            (0.185, "1000", []),
        ],
    )
    def test_toward_a_weight(self, weight, held, expected):
        made = plan({"AAPL": weight}, {"AAPL": held}, market={"AAPL": ("185", "185")})
        assert [(action, quantity, why) for action, _, quantity, _, why in lines(made)] == expected

    def test_what_is_not_in_the_target_is_closed_whole_whatever_it_is_worth(self):
        made = plan({"AAPL": 0.5}, {"MSFT": "1", "NVDA": "-2"}, min_trade_e9=1000 * E9)
        assert lines(made)[0][:3] == ("SELL", "MSFT", "1")
        assert ("BUY COVER", "NVDA", "2", "600.81", "close short") in lines(made)

    def test_sales_come_first_and_closings_before_the_rest(self):
        held = {"MSFT": "100", "AAPL": "3000", "NVDA": "-100"}
        market = {**MARKET, "T": ("20", "20.02"), "X": ("30", "30.02")}
        made = plan({"T": 0.2, "X": -0.1, "AAPL": 0.1}, held, market=market)
        assert [action for action, *_ in lines(made)] == ["SELL", "SELL", "SELL SHORT", "BUY COVER", "BUY"]
        assert [o.line for o in made.orders] == [1, 2, 3, 4, 5]

    def test_no_weights_flatten_the_account(self):
        made = plan({}, {"MSFT": "100", "NVDA": "-100"}, money=account("0"))
        assert [o.description for o in made.orders] == ["close long", "close short"]


class TestLimitPrices:
    """nanobook prices closing orders on the passive side of the middle (its bug 13): they never trade."""

    def test_every_order_reaches_the_far_side_of_the_quote(self):
        held = {"MSFT": "100", "NVDA": "-100", "AAPL": "3000"}
        made = plan({"AAPL": 0.1}, held)
        assert {o.description for o in made.orders} == {"close long", "decrease", "close short"}
        for order in made.orders:
            bid, ask = (parse_e9(side) for side in MARKET[order.symbol])
            if order.side is Side.BUY:
                assert order.limit_price_e9 >= ask
            else:
                assert order.limit_price_e9 <= bid

    def test_a_closing_sale_stands_below_the_bid_and_a_cover_above_the_ask(self):
        made = plan({}, {"AAPL": "10", "NVDA": "-10"}, limit_offset_e9=5 * E9 // 10_000)
        prices = {o.symbol: format_e9(o.limit_price_e9) for o in made.orders}
        assert prices == {"AAPL": "184.89", "NVDA": "600.81"}  # 184.99 - 5 bps down, 600.50 + 5 bps up, to the cent

    @pytest.mark.parametrize(
        ("side", "bid", "ask", "expected"),
        [
            (Side.BUY, "10", "10.02", "10.03"),
            (Side.SELL, "10", "10.02", "9.99"),
            (Side.BUY, "10", None, "10.01"),  # nothing offered: the middle is all there is
            (Side.SELL, None, "10.02", "10.01"),
            (Side.SELL, "0.01", "0.02", "0.01"),  # never to zero
        ],
    )
    def test_grid(self, side, bid, ask, expected):
        rules = TradingRules("X", min_price_e9=parse_e9("0.01"))
        assert format_e9(limit_price_e9(side, quote("X", bid, ask), rules, 500_000)) == expected

    def test_bounds_of_the_venue(self):
        rules = TradingRules("X", max_price_e9=parse_e9("10.005"))
        assert limit_price_e9(Side.BUY, quote("X", "10", "10.02"), rules, 0) == parse_e9("10")


class TestGrid:
    def test_lots_of_a_coin(self):
        rules = {"BTC": TradingRules("BTC", lot_e9=10_000, tick_e9=E9 // 100)}
        made = plan({"BTC": 0.1}, market={"BTC": ("64999.99", "65000.01")}, rules=rules)
        assert format_e9(made.orders[0].quantity_e9) == "1.53846"

    def test_round_lots(self):
        rules = {"AAPL": TradingRules("AAPL", lot_e9=100 * E9)}
        made = plan({"AAPL": 0.1}, {"AAPL": "50"}, rules=rules, market={"AAPL": ("185", "185")})
        assert format_e9(made.orders[0].quantity_e9) == "400"

    def test_an_odd_rest_is_named(self):
        made = plan({"MSFT": 0.1}, {"AAPL": "0.4"})
        assert [(skip.symbol, skip.reason) for skip in made.skipped] == [("AAPL", "below one lot")]

    def test_venue_minimum(self):
        rules = {"AAPL": TradingRules("AAPL", min_notional_e9=parse_e9("500"))}
        made = plan({}, {"AAPL": "2"}, rules=rules)
        assert made.orders == ()
        assert made.skipped[0].reason == "below the venue's minimum"


class TestSmallTrades:
    def test_toward_a_target(self):
        made = plan({"AAPL": 0.5}, {"AAPL": "2700"}, market={"AAPL": ("185", "185")}, min_trade_e9=1000 * E9)
        assert made.orders == ()
        assert made.skipped[0].reason == "below the smallest trade of 1000"

    def test_a_band_is_a_fraction_of_equity(self):
        held = {"AAPL": "2700"}
        market = {"AAPL": ("185", "185")}
        assert len(plan({"AAPL": 0.51}, held, market=market, no_trade_band_e9=E9 // 100).orders) == 1
        made = plan({"AAPL": 0.509}, held, market=market, no_trade_band_e9=E9 // 100)
        assert made.skipped[0].reason == "below the smallest trade of 10000"

    def test_the_opening_half_of_a_flip(self):
        made = plan({"AAPL": -0.0004}, {"AAPL": "100"}, market={"AAPL": ("185", "185")}, min_trade_e9=1000 * E9)
        assert [o.description for o in made.orders] == ["decrease"]
        assert format_e9(made.orders[0].quantity_e9) == "100"


class TestMoney:
    COST = TradingCost(per_unit_e9=3_500_000, minimum_e9=350_000_000, slippage_e9_frac=5 * E9 // 10_000)

    def test_all_of_it_with_fees(self):
        made = plan({"AAPL": 0.6, "MSFT": 0.4}, cost=self.COST, money=account("1000000", cash="1000000"))
        assert made.scale_e9 < E9
        assert made.needed_e9 <= 1_000_000 * E9
        assert {skip.reason for skip in made.skipped} == {"not enough cash"}

    def test_sales_pay_for_purchases(self):
        money = account("1000000", cash="1000")
        made = plan({"AAPL": 0.9}, {"MSFT": "2700"}, money=money, cost=self.COST)
        assert made.is_cash_bound
        assert [o.side for o in made.orders] == [Side.SELL, Side.BUY]
        assert made.needed_e9 <= made.funds_e9 + made.proceeds_e9

    def test_a_margin_account_spends_its_buying_power(self):
        money = account("100000", cash="0", power="200000")
        assert not plan({"AAPL": 1.0}, money=money).is_cash_bound
        assert plan({"AAPL": 1.0}, money=money, is_cash_account=True).orders == ()

    def test_a_short_sale_brings_no_cash(self):
        money = account("100000", cash="10")
        made = plan({"AAPL": 0.5, "MSFT": -0.3}, money=money)
        assert [o.action for o in made.orders] == ["SELL SHORT"]

    def test_covers_are_never_scaled(self):
        money = account("100000", cash="10")
        made = plan({"AAPL": 0.5}, {"NVDA": "-10"}, money=money)
        assert lines(made)[0][:3] == ("BUY COVER", "NVDA", "10")
        assert len(made.orders) == 1

    def test_estimate(self):
        made = plan({"AAPL": 0.5}, market={"AAPL": ("185", "185")}, cost=self.COST, limit_offset_e9=0)
        commission, slippage = 2702 * 3_500_000, 2702 * 185 * 500_000
        assert made.cost_e9 == commission + slippage

    def test_the_fraction_is_the_largest_that_can_be_paid(self):
        settings = PlanSettings(cost=self.COST)
        made = plan({"AAPL": 0.4, "MSFT": 0.3, "NVDA": 0.3}, cost=self.COST, money=account("1000000", power="9000000"))
        rules = {symbol: TradingRules(symbol) for symbol in MARKET}
        fitted, scale = fit_to_cash(made.orders, 500_000 * E9, rules=rules, settings=settings)
        spent = sum(o.quantity_e9 * o.limit_price_e9 // E9 + self.COST.commission_e9(o.quantity_e9, 0) for o in fitted)
        assert 500_000 * E9 - 1000 * E9 < spent <= 500_000 * E9
        assert 0.49 < scale / E9 < 0.51
        more = [replace(o, quantity_e9=o.quantity_e9 * (scale + 10_000_000) // E9 // E9 * E9) for o in made.orders]
        assert sum(o.quantity_e9 * o.limit_price_e9 // E9 for o in more) > 500_000 * E9


class TestFaults:
    def test_no_equity(self):
        with pytest.raises(RebalanceError, match="equity is 0 USD"):
            plan({"AAPL": 0.5}, money=account("0"))

    def test_no_quote(self):
        with pytest.raises(StalePlanError, match="TSLA is held or wanted and has no quote"):
            plan({"TSLA": 0.5})

    def test_no_price(self):
        with pytest.raises(PriceError, match="AAPL has no price above zero"):
            plan({"AAPL": 0.5}, market={"AAPL": (None, None)})
