"""Checks 8 to 15."""

import dataclasses

import pytest

from nanodesk.market.enums import Side
from nanodesk.market.fixed_point import E9
from nanodesk.market.order import Order, OrderType
from nanodesk.risk.engine import RiskEngine
from risk_scenes import NOW, context, free, holding, limit, market, quote, rules, units, verdict


def at_quote(**changes):
    return context(quotes={"AAPL": quote(**changes)})


class TestOrderQuantity:
    def test_equal_passes_and_beyond_fails(self):
        assert verdict(8, limit(quantity=10), context(), free(max_order_quantity=10)) == "pass"
        assert verdict(8, limit(quantity=10), context(), free(max_order_quantity="9.999999999")) == "fail"

    def test_warns_above_its_part(self):
        config = free(max_order_quantity=10, warn_at_frac="0.8")
        assert verdict(8, limit(quantity=8), context(), config) == "pass"
        assert verdict(8, limit(quantity=9), context(), config) == "warn"


class TestOrderNotional:
    def test_equal_passes_and_beyond_fails(self):
        assert verdict(9, limit(), context(), free(max_order_notional=1000)) == "pass"
        assert verdict(9, limit(), context(), free(max_order_notional="999.999999999")) == "fail"

    def test_market_order_counts_with_its_slippage(self):
        config = {"market_slippage_bps": 100, "max_order_notional": "1010.101"}
        assert verdict(9, market(), context(), free(**config)) == "pass"
        assert verdict(9, market(), context(), free(**config | {"max_order_notional": "1010.10"})) == "fail"

    def test_sale_below_the_market_counts_at_the_market(self):
        assert verdict(9, limit(price=99, side="sell"), context(), free(max_order_notional=999)) == "fail"

    def test_stop_counts_at_its_stop(self):
        stop = Order("r-1", "AAPL", Side.BUY, 10 * E9, OrderType.STOP, None, units(104))
        assert verdict(9, stop, context(), free(max_order_notional=1040)) == "pass"
        assert verdict(9, stop, context(), free(max_order_notional=1039)) == "fail"

    def test_multiplier_and_exchange_rate_count(self):
        desk = context(rules={"AAPL": rules(multiplier=5, currency="EUR")}, fx_rates_e9={"EUR": units("1.1")})
        assert verdict(9, limit(), desk, free(max_order_notional=5500)) == "pass"
        assert verdict(9, limit(), desk, free(max_order_notional=5499)) == "fail"

    @pytest.mark.parametrize("missing", [{"quotes": {}}, {"rules": {}}, {"rules": {"AAPL": rules(currency="EUR")}}])
    def test_without_a_price_fails(self, missing):
        assert verdict(9, market(), context(**missing)) == "fail"


class TestMarketShare:
    def test_off_by_default(self):
        assert verdict(10, limit(), context()) == "pass"

    def test_average_volume(self):
        desk = context(average_daily_volume_e9={"AAPL": units(1000)})
        assert verdict(10, limit(), desk, free(max_adv_frac="0.01")) == "pass"
        assert verdict(10, limit(), desk, free(max_adv_frac="0.009999999")) == "fail"

    @pytest.mark.parametrize("volume", [{}, {"AAPL": 0}, {"AAPL": -1}, {"AAPL": float("nan")}])
    def test_missing_volume_fails(self, volume):
        assert verdict(10, limit(), context(average_daily_volume_e9=volume), free(max_adv_frac=1)) == "fail"

    @pytest.mark.parametrize(("side", "shown"), [("buy", "ask_quantity_e9"), ("sell", "bid_quantity_e9")])
    def test_displayed_size_of_the_side_it_takes(self, side, shown):
        config = free(max_displayed_multiple=2)
        assert verdict(10, limit(side=side), at_quote(**{shown: units(5)}), config) == "pass"
        assert verdict(10, limit(side=side), at_quote(**{shown: units(4)}), config) == "fail"
        assert verdict(10, limit(side=side), at_quote(**{shown: 0}), config) == "fail"


class TestPriceCollar:
    @pytest.mark.parametrize("price", [105, 95])
    @pytest.mark.parametrize("side", ["buy", "sell"])
    def test_equal_passes_on_either_side(self, price, side):
        assert verdict(11, limit(price=price, side=side), context()) == "pass"

    @pytest.mark.parametrize("price", [105.01, 94.99, 10_000, 0.01])
    @pytest.mark.parametrize("side", ["buy", "sell"])
    def test_beyond_fails_on_either_side(self, price, side):
        assert verdict(11, limit(price=price, side=side), context()) == "fail"

    def test_absolute_collar(self):
        assert verdict(11, limit(price=102), context(), free(price_collar_absolute=2)) == "pass"
        assert verdict(11, limit(price="102.01"), context(), free(price_collar_absolute=2)) == "fail"

    def test_stop_price_is_in_it_too(self):
        stop = Order("r-1", "AAPL", Side.BUY, E9, OrderType.STOP, None, units(105))
        assert verdict(11, stop, context()) == "pass"
        assert verdict(11, dataclasses.replace(stop, stop_price_e9=units(106)), context()) == "fail"

    def test_without_a_market_fails(self):
        assert verdict(11, limit(), context(quotes={})) == "fail"
        assert verdict(11, market(), context(quotes={})) == "fail"

    def test_market_order_has_no_price_to_check(self):
        assert verdict(11, market(), context()) == "pass"


class TestMarketOrder:
    def test_narrow_fresh_quote_passes(self):
        assert verdict(12, market(), context()) == "pass"

    def test_spread_equal_passes_and_beyond_fails(self):
        config = free(max_market_spread_bps=100)
        assert verdict(12, market(), at_quote(bid=99.5, ask=100.5), config) == "pass"
        assert verdict(12, market(), at_quote(bid=99.49, ask=100.5), config) == "fail"

    def test_old_quote_fails(self):
        assert verdict(12, market(), at_quote(ts_ns=NOW - 30 * E9)) == "pass"
        assert verdict(12, market(), at_quote(ts_ns=NOW - 30 * E9 - 1)) == "fail"

    @pytest.mark.parametrize("sides", [{"bid_e9": None}, {"ask_e9": None}, {"bid_e9": 0}, {"ask_e9": 1.5}])
    def test_one_side_fails(self, sides):
        assert verdict(12, market(), at_quote(**sides)) == "fail"

    def test_switched_off_fails(self):
        assert verdict(12, market(), context(), free(allow_market_orders=False)) == "fail"
        assert verdict(12, limit(), context(), free(allow_market_orders=False)) == "pass"

    def test_stop_is_a_market_order_too(self):
        stop = Order("r-1", "AAPL", Side.BUY, E9, OrderType.STOP, None, units(101))
        assert verdict(12, stop, context(), free(allow_market_orders=False)) == "fail"


class TestMarketableSlippage:
    def test_equal_passes_and_beyond_fails(self):
        config = free(max_slippage_bps=100)
        desk = at_quote(bid=100, ask=100)
        assert verdict(13, limit(price=101), desk, config) == "pass"
        assert verdict(13, limit(price=101.01), desk, config) == "fail"
        assert verdict(13, limit(price=99, side="sell"), desk, config) == "pass"
        assert verdict(13, limit(price=98.99, side="sell"), desk, config) == "fail"

    def test_passive_limit_passes(self):
        assert verdict(13, limit(price=1), context(), free(max_slippage_bps=0)) == "pass"

    def test_missing_side_fails(self):
        assert verdict(13, limit(), at_quote(ask_e9=None)) == "fail"
        assert verdict(13, limit(side="sell"), at_quote(bid_e9=None)) == "fail"


class TestTargetWeights:
    @staticmethod
    def status(weights, **limits):
        report = RiskEngine(free(**limits)).check_batch([limit()], context(), target_weights=weights)
        return report.of(14)[0].status.value

    def test_none_given_passes(self):
        assert self.status(None) == "pass"

    def test_equal_passes_and_beyond_fails(self):
        assert self.status({"A": 0.25, "B": -0.25, "C": 0}) == "pass"
        assert self.status({"A": 0.250000001}) == "fail"
        assert self.status({"A": -0.250000001}) == "fail"

    def test_sum_equal_passes_and_beyond_fails(self):
        assert self.status({"A": 0.2, "B": 0.2}, max_target_gross_frac=0.4) == "pass"
        assert self.status({"A": 0.2, "B": -0.21}, max_target_gross_frac=0.4) == "fail"

    @pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf"), "0.1", None, True, 4.0])
    def test_what_is_no_weight_fails(self, weight):
        assert self.status({"A": weight}) == "fail"

    def test_short_weight_needs_shorts(self):
        assert self.status({"A": -0.1}, allow_short=False) == "fail"


class TestLeastNotional:
    def test_equal_passes_and_below_fails(self):
        assert verdict(15, limit(), context(), free(min_order_notional=1000)) == "pass"
        assert verdict(15, limit(), context(), free(min_order_notional=1000.01)) == "fail"

    def test_closing_a_remainder_passes(self):
        desk = context(holdings=(holding("AAPL", 10),))
        assert verdict(15, limit(side="sell"), desk, free(min_order_notional=5000)) == "pass"
        assert verdict(15, limit(side="buy"), desk, free(min_order_notional=5000)) == "fail"
