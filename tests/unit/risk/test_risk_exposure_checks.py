"""Checks 22 to 31: after the worst that open orders can do, with every holding priced."""

import pytest

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType, WorkingOrder
from nanodesk.risk.engine import RiskEngine
from nanodesk.risk.order_flow import FlowSnapshot
from risk_scenes import NOW, account, context, free, holding, limit, market, quote, rules, units, verdict


def working(quantity, *, symbol="AAPL", side="buy", price=100, name="w-1"):
    return WorkingOrder(
        limit(price=price, quantity=quantity, symbol=symbol, side=side, client_order_id=name), units(quantity)
    )


def only(number, order, desk, **limits):
    """The check itself, to read its numbers."""
    (check,) = RiskEngine(free(**limits)).check_order(order, desk).of(number)
    return check


class TestEveryHoldingIsPriced:
    """BUG 10 of nanobook: a holding that no order prices counted as zero."""

    @pytest.mark.parametrize("number", [22, 23, 24, 25, 29])
    @pytest.mark.parametrize(
        "spoil",
        [
            {"quotes": {"AAPL": quote()}},
            {"rules": {"AAPL": rules()}},
            {"quotes": {"AAPL": quote(), "MSFT": quote("MSFT", bid_e9=None, ask_e9=None, last_e9=None)}},
            {"quotes": {"AAPL": quote(), "MSFT": quote("MSFT", bid_e9=0, ask_e9=0, last_e9=0)}},
            {"quotes": {"AAPL": quote(), "MSFT": quote("MSFT", ts_ns=NOW - 901 * E9)}},
            {"quotes": {"AAPL": quote(), "MSFT": quote("MSFT", ts_ns=NOW + 2 * E9)}},
            {"rules": {"AAPL": rules(), "MSFT": rules("MSFT", currency="EUR")}},
            {"rules": {"AAPL": rules(), "MSFT": rules("MSFT", multiplier=0)}},
        ],
        ids=[
            "no quote",
            "no rules",
            "empty quote",
            "zero quote",
            "old quote",
            "future quote",
            "no rate",
            "multiplier 0",
        ],
    )
    def test_a_holding_without_a_price_fails(self, number, spoil):
        desk = context(holdings=(holding("MSFT", 1),), **spoil)
        assert verdict(number, limit(quantity=1), desk) == "fail"

    @pytest.mark.parametrize("number", [22, 23, 24, 25, 29])
    def test_so_does_an_open_order_without_one(self, number):
        desk = context(working=(working(1, symbol="MSFT"),), quotes={"AAPL": quote()})
        assert verdict(number, limit(quantity=1), desk) == "fail"

    def test_untouched_holding_counts_in_full(self):
        desk = context(holdings=(holding("MSFT", 1500),))
        assert only(25, limit(quantity=10), desk).value_e9 == units("1.51")
        assert verdict(25, limit(quantity=10), desk) == "fail"

    def test_a_last_price_counts_while_it_is_fresh(self):
        fresh = quote("MSFT", bid_e9=None, ask_e9=None, ts_ns=NOW - 900 * E9)
        desk = context(holdings=(holding("MSFT", 100),), quotes={"AAPL": quote(), "MSFT": fresh})
        assert only(25, limit(), desk).value_e9 == units("0.11")

    def test_exchange_rate_and_multiplier_count(self):
        desk = context(
            holdings=(holding("MSFT", 100),),
            rules={"AAPL": rules(), "MSFT": rules("MSFT", currency="EUR", multiplier=2)},
            fx_rates_e9={"EUR": units("1.1")},
        )
        assert only(23, limit(), desk).value_e9 == units(23_000)

    def test_two_rows_of_one_holding_add_up(self):
        desk = context(holdings=(holding("MSFT", 60), holding("MSFT", 40)))
        assert only(23, limit(), desk).value_e9 == units(11_000)


class TestPosition:
    def test_equal_passes_and_beyond_fails(self):
        assert verdict(22, limit(quantity=250), context()) == "pass"
        assert verdict(22, limit(quantity=251), context()) == "fail"

    def test_open_orders_count_at_worst(self):
        desk = context(holdings=(holding("AAPL", 100),), working=(working(50), working(300, side="sell", name="w-2")))
        check = only(22, limit(quantity=100), desk)
        assert (check.value_e9, check.inputs["low_e9"]) == (units("0.25"), units(-200))
        assert verdict(22, limit(quantity=101), desk) == "fail"

    def test_a_short_counts_like_a_long(self):
        assert verdict(22, limit(quantity=250, side="sell"), context()) == "pass"
        assert verdict(22, limit(quantity=251, side="sell"), context()) == "fail"

    def test_a_limit_above_the_market_counts_at_the_limit(self):
        assert only(22, limit(price=105, quantity=10), context()).inputs["gross_e9"] == units(1050)
        assert only(22, limit(price=105, quantity=10, side="sell"), context()).inputs["gross_e9"] == units(1050)

    def test_a_take_profit_does_not_raise_what_is_held(self):
        desk = context(holdings=(holding("AAPL", 200),))
        assert only(22, limit(price=105, quantity=200, side="sell"), desk).inputs["gross_e9"] == units(20_000)

    def test_fees_and_slippage_lower_the_equity(self):
        assert verdict(22, limit(quantity=250), context(), free(fee_bps=1)) == "fail"
        assert verdict(22, limit(quantity=250, price=100.01), context()) == "fail"

    def test_limit_in_currency(self):
        assert verdict(22, limit(), context(), free(max_position_notional=1000)) == "pass"
        assert verdict(22, limit(), context(), free(max_position_notional=999)) == "fail"

    def test_past_the_limit_a_sale_warns_and_a_purchase_fails(self):
        desk = context(holdings=(holding("AAPL", 300),))
        assert verdict(22, limit(side="sell"), desk) == "warn"
        assert verdict(22, limit(side="buy"), desk) == "fail"
        assert verdict(22, limit(side="sell"), desk, free(breach_may_be_reduced=False)) == "fail"
        assert verdict(22, limit(side="sell", quantity=601), desk) == "fail"

    def test_no_equity_left_fails(self):
        assert verdict(22, limit(), context(account=account(equity_e9=0))) == "fail"


class TestGrossNetLeverage:
    desk = context(holdings=(holding("MSFT", 600), holding("TSLA", -500)))

    def test_numbers(self):
        assert only(23, limit(quantity=100), self.desk).value_e9 == units(120_000)
        assert only(24, limit(quantity=100), self.desk).value_e9 == units("0.2")
        assert only(25, limit(quantity=100), self.desk).value_e9 == units("1.2")

    @pytest.mark.parametrize(
        ("number", "key", "equal", "below"),
        [
            (23, "max_gross_notional", 120_000, "119999.999999999"),
            (24, "max_net_frac", "0.2", "0.199999999"),
            (25, "max_leverage", "1.2", "1.199999999"),
        ],
    )
    def test_equal_passes_and_beyond_fails(self, number, key, equal, below):
        assert verdict(number, limit(quantity=100), self.desk, free(**{key: equal})) == "pass"
        assert verdict(number, limit(quantity=100), self.desk, free(**{key: below})) == "fail"
        assert verdict(number, limit(quantity=100), self.desk, free(**{key: equal}, warn_at_frac="0.99")) == "warn"

    def test_net_is_the_worse_of_both_ends(self):
        desk = context(working=(working(300), working(400, side="sell", symbol="MSFT", name="w-2")))
        assert only(24, limit(quantity=50), desk).value_e9 == units("0.4")

    def test_a_short_that_stays_short_lowers_the_upper_end(self):
        desk = context(holdings=(holding("TSLA", -500), holding("MSFT", 600)))
        check = only(24, limit(quantity=100, symbol="TSLA"), desk)
        assert (check.inputs["lowest_e9"], check.inputs["highest_e9"]) == (units(10_000), units(20_000))

    @pytest.mark.parametrize("number", [23, 24, 25])
    def test_past_the_limit_a_sale_warns_and_a_purchase_fails(self, number):
        desk = context(holdings=(holding("MSFT", 2000), holding("AAPL", 50)))
        config = {"max_gross_notional": 150_000}
        assert verdict(number, limit(side="sell"), desk, free(**config)) == "warn"
        assert verdict(number, limit(side="buy"), desk, free(**config)) == "fail"
        assert verdict(number, limit(side="sell"), desk, free(**config, breach_may_be_reduced=False)) == "fail"


class TestShort:
    def test_selling_what_is_held_passes(self):
        desk = context(holdings=(holding("AAPL", 10),))
        assert verdict(26, limit(side="sell"), desk, free(allow_short=False)) == "pass"
        assert verdict(26, limit(side="sell", quantity=11), desk, free(allow_short=False)) == "fail"

    def test_open_sales_count(self):
        desk = context(holdings=(holding("AAPL", 10),), working=(working(1, side="sell"),))
        assert verdict(26, limit(side="sell"), desk, free(allow_short=False)) == "fail"

    def test_the_instrument_must_allow_it(self):
        assert verdict(26, limit(side="sell"), context(rules={"AAPL": rules(can_short=False)})) == "fail"
        assert verdict(26, limit(side="sell"), context()) == "pass"

    def test_sum_equal_passes_and_beyond_fails(self):
        desk = context(holdings=(holding("TSLA", -200),))
        assert verdict(26, limit(side="sell", quantity=100), desk) == "pass"
        assert verdict(26, limit(side="sell", quantity=101), desk) == "fail"

    def test_locate_covers_the_opening_part(self):
        desk = context(holdings=(holding("AAPL", 4),), located_e9={"AAPL": units(6)})
        assert verdict(26, limit(side="sell"), desk, free(require_locate=True)) == "pass"
        assert verdict(26, limit(side="sell", quantity=11), desk, free(require_locate=True)) == "fail"
        assert verdict(26, limit(side="sell"), context(), free(require_locate=True)) == "fail"

    def test_covering_goes_even_where_shorts_are_off(self):
        desk = context(holdings=(holding("AAPL", -300),))
        assert verdict(26, limit(), desk, free(allow_short=False)) == "pass"
        desk = context(holdings=(holding("AAPL", -500),))
        assert verdict(26, limit(), desk, free(allow_short=False)) == "warn"
        assert verdict(26, limit(), desk, free(breach_may_be_reduced=False)) == "fail"


class TestBuyingPower:
    @staticmethod
    def with_cash(amount, **changes):
        return context(account=account(buying_power_e9=units(amount)), **changes)

    def test_equal_passes_and_beyond_fails(self):
        assert verdict(27, limit(), self.with_cash(1000)) == "pass"
        assert verdict(27, limit(), self.with_cash("999.999999999")) == "fail"

    def test_fees_count(self):
        config = free(fee_bps=10, fee_per_order=2)
        assert verdict(27, limit(), self.with_cash(1003), config) == "pass"
        assert verdict(27, limit(), self.with_cash("1002.99"), config) == "fail"

    def test_market_order_counts_slippage_on_the_ask(self):
        assert verdict(27, market(), self.with_cash("1010.101"), free(market_slippage_bps=100)) == "pass"
        assert verdict(27, market(), self.with_cash("1010.10"), free(market_slippage_bps=100)) == "fail"

    def test_open_purchases_count_unless_the_broker_reserved_them(self):
        desk = self.with_cash(1000, working=(working(5),))
        assert verdict(27, limit(), desk) == "fail"
        assert verdict(27, limit(), self.with_cash(1000, working=(working(5),), is_working_reserved=True)) == "pass"

    def test_a_sale_of_what_is_held_needs_nothing(self):
        desk = self.with_cash(0, holdings=(holding("AAPL", 10),))
        assert verdict(27, limit(side="sell"), desk, free(fee_bps=10)) == "pass"

    def test_a_short_needs_its_value(self):
        assert verdict(27, limit(side="sell"), self.with_cash(1000)) == "pass"
        assert verdict(27, limit(side="sell"), self.with_cash(999)) == "fail"

    def test_another_currency_needs_its_own_cash(self):
        desk = {"rules": {"AAPL": rules(currency="EUR")}, "fx_rates_e9": {"EUR": E9}}
        assert verdict(27, limit(), context(**desk)) == "fail"
        assert verdict(27, limit(), context(account=account(balances_e9={"EUR": units(1000)}), **desk)) == "pass"
        assert verdict(27, limit(), context(account=account(balances_e9={"EUR": units(999)}), **desk)) == "fail"

    def test_past_the_limit_a_sale_warns(self):
        desk = self.with_cash(0, working=(working(5, symbol="MSFT"),), holdings=(holding("AAPL", 10),))
        assert verdict(27, limit(side="sell"), desk) == "warn"

    def test_sales_may_fund_purchases(self):
        desk = self.with_cash(0, holdings=(holding("AAPL", 10),))
        batch = [limit(side="sell"), limit(symbol="MSFT", client_order_id="r-2")]

        def status(**limits):
            return RiskEngine(free(**limits)).check_batch(batch, desk).of(27)[0].status.value

        assert status() == "fail"
        assert status(sells_fund_buys=True) == "pass"
        assert status(sells_fund_buys=True, fee_bps=1) == "fail"

    @pytest.mark.parametrize("amount", [None, float("nan"), float("inf"), 1e9])
    def test_no_whole_number_fails(self, amount):
        assert verdict(27, limit(), context(account=account(buying_power_e9=amount))) == "fail"

    def test_at_send_an_order_that_is_open_already_counts_once(self):
        order = limit()
        desk = self.with_cash(1000, working=(WorkingOrder(order, order.quantity_e9),))
        (check,) = RiskEngine(free()).check_at_send(order, desk).of(27)
        assert (check.status.value, check.value_e9) == ("pass", units(1000))

    @pytest.mark.parametrize("is_working_reserved", [True, False])
    def test_at_send_its_own_cash_is_never_taken_for_reserved(self, is_working_reserved):
        order = limit()
        desk = self.with_cash(
            999, working=(WorkingOrder(order, order.quantity_e9),), is_working_reserved=is_working_reserved
        )
        (check,) = RiskEngine(free()).check_at_send(order, desk).of(27)
        assert (check.status.value, check.value_e9) == ("fail", units(1000))


class TestConcentration:
    desk = context(
        holdings=(holding("MSFT", 200),),
        rules={name: rules(name, sector="tech", asset_class="equity", venue="XNAS") for name in ("AAPL", "MSFT")},
    )

    def test_off_by_default(self):
        assert verdict(28, limit(), self.desk) == "pass"

    @pytest.mark.parametrize("key", ["max_sector_frac", "max_asset_class_frac", "max_venue_frac"])
    def test_equal_passes_and_beyond_fails(self, key):
        assert verdict(28, limit(quantity=100), self.desk, free(**{key: "0.3"})) == "pass"
        assert verdict(28, limit(quantity=101), self.desk, free(**{key: "0.3"})) == "fail"

    def test_past_the_limit_a_sale_warns(self):
        assert verdict(28, limit(side="sell", symbol="MSFT"), self.desk, free(max_sector_frac="0.1")) == "warn"

    def test_unknown_group_fails(self):
        desk = context(holdings=(holding("MSFT", 1),), rules={"AAPL": rules(sector="tech"), "MSFT": rules("MSFT")})
        assert verdict(28, limit(), desk, free(max_sector_frac=1)) == "fail"

    def test_the_worst_group_is_told(self):
        groups = {"AAPL": rules(sector="tech"), "MSFT": rules("MSFT", sector="food")}
        desk = context(holdings=(holding("MSFT", 200),), rules=groups)
        assert only(28, limit(), desk, max_sector_frac=1).inputs["group"] == "food"


class TestTurnover:
    def test_in_currency_equal_passes_and_beyond_fails(self):
        desk = context(flow=FlowSnapshot(traded_notional_e9=units(9_000)))
        assert verdict(29, limit(), desk, free(max_daily_notional=10_000)) == "pass"
        assert verdict(29, limit(), desk, free(max_daily_notional="9999.99")) == "fail"

    def test_against_equity(self):
        desk = context(flow=FlowSnapshot(traded_notional_e9=units(9_000)), working=(working(10, symbol="MSFT"),))
        assert verdict(29, limit(), desk, free(max_turnover_frac="0.11")) == "pass"
        assert verdict(29, limit(), desk, free(max_turnover_frac="0.1")) == "fail"

    def test_reducing_warns(self):
        desk = context(flow=FlowSnapshot(traded_notional_e9=units(9_000)), holdings=(holding("AAPL", 10),))
        assert verdict(29, limit(side="sell"), desk, free(max_daily_notional=1)) == "warn"

    def test_not_told_fails(self):
        assert verdict(29, limit(), context(flow=None)) == "fail"

    def test_a_warning_of_one_limit_does_not_hide_the_other(self):
        config = free(max_daily_notional=1050, warn_at_frac="0.5", max_turnover_frac="0.001")
        assert verdict(29, limit(), context(), config) == "fail"


class TestReduceOnly:
    @pytest.mark.parametrize(
        ("held", "side", "quantity", "expected"),
        [
            (10, "sell", 10, "pass"),
            (10, "sell", 11, "fail"),
            (10, "buy", 1, "fail"),
            (0, "sell", 1, "fail"),
            (-10, "buy", 10, "pass"),
            (-10, "buy", 11, "fail"),
            (-10, "sell", 1, "fail"),
        ],
    )
    def test_it_must_shrink_the_position(self, held, side, quantity, expected):
        desk = context(holdings=(holding("AAPL", held),))
        assert verdict(30, limit(side=side, quantity=quantity, reduce_only=True), desk) == expected
        assert verdict(30, limit(side=side, quantity=quantity), desk) == "pass"

    def test_open_orders_count(self):
        desk = context(holdings=(holding("AAPL", 10),), working=(working(5, side="sell"),))
        assert verdict(30, limit(side="sell", quantity=5, reduce_only=True), desk) == "pass"
        assert verdict(30, limit(side="sell", quantity=6, reduce_only=True), desk) == "fail"


class TestPositiveEquity:
    @pytest.mark.parametrize("equity", [0, -1, None, float("nan"), float("inf"), 1e14, True])
    def test_anything_else_fails(self, equity):
        assert verdict(31, limit(), context(account=account(equity_e9=equity))) == "fail"

    def test_it_must_lie_above_the_least(self):
        assert verdict(31, limit(), context(), free(min_equity="99999.999999999")) == "pass"
        assert verdict(31, limit(), context(), free(min_equity=100_000)) == "fail"

    def test_equity_of_zero_refuses_every_order(self):
        report = RiskEngine(free()).check_order(limit(quantity=1), context(account=account(equity_e9=0)))
        assert {22, 24, 25, 31} <= {check.number for check in report.failures}


class TestStops:
    def test_a_stop_purchase_counts_at_its_stop_with_slippage(self):
        stop = Order("r-1", "AAPL", Side.BUY, 10 * E9, OrderType.STOP, None, units(104))
        assert only(27, stop, context(), market_slippage_bps=100).value_e9 == units("1050.4")

    def test_a_stop_limit_counts_at_the_higher(self):
        stop = Order("r-1", "AAPL", Side.SELL, 10 * E9, OrderType.STOP_LIMIT, units(97), units(98))
        assert only(22, stop, context()).inputs["gross_e9"] == units(1000)
