"""Our compatible names against the stored answers of the published wheel."""

import json
import math
from pathlib import Path

import pytest

from nanodesk.compat import nanobook
from reference import nanobook_cases as cases
from reference.nanobook_answers import PINNED, TOLERANCE, differences, plain

GOLDEN = json.loads((Path(__file__).resolve().parent.parent / "data" / "nanobook_0_9_3.json").read_text())


class TestPublishedAnswers:
    @pytest.mark.parametrize("group", cases.RANDOM_CASES)
    def test_random_questions(self, group: str) -> None:
        ask, count = cases.RANDOM_CASES[group]
        stored = GOLDEN["random"][group]
        ours = plain([ask(nanobook, cases.random.Random(f"{group}-0-{index}")) for index in range(count)])
        assert differences(stored, ours, TOLERANCE.get(group, PINNED), group) == []

    def test_questions_of_the_specification(self) -> None:
        assert differences(GOLDEN["fixed"], plain(cases.fixed_answers(nanobook)), PINNED) == []

    def test_types_of_errors(self) -> None:
        assert cases.errors(nanobook) == GOLDEN["errors"]


class TestPublishedNames:
    def test_every_published_name_of_this_part_is_there(self) -> None:
        published = set(GOLDEN["names"]) - set(cases.LATER)
        assert published <= set(nanobook.__all__)
        # What we add to them: what the wheel keeps to itself.
        words = {"OrderId", "OrderStatus", "Price", "Side", "Symbol", "TimeInForce", "TradeId"}
        assert set(nanobook.__all__) - published == words | {"load_events", "save_events", "BinanceBroker"}

    def test_no_stub_stands_for_a_later_name(self) -> None:
        assert [name for name in cases.LATER if hasattr(nanobook, name)] == []

    def test_members_of_the_classes(self) -> None:
        ours = cases.members(nanobook)
        missing = {name: set(GOLDEN["members"][name]) - set(ours[name]) for name in ours}
        assert missing == {name: set() for name in ours}

    def test_signatures(self) -> None:
        ours = cases.signatures(nanobook, [name for name in GOLDEN["names"] if name not in cases.LATER + cases.BOOK])
        for name, published in GOLDEN["signatures"].items():
            assert [item for item, _ in ours[name]] == [item for item, _ in published], name
            for (item, mine), (_, theirs) in zip(ours[name], published, strict=True):
                # The optimizers take the symbols or none: the README calls them without.
                assert mine == theirs or theirs == "Ellipsis" or item == "symbols", (name, item)


class TestDeliberateDifferences:
    """docs/compat.md lists them in this order; the left side is what the wheel answers."""

    published = GOLDEN["deliberate"]
    ours = plain(cases.deliberate(nanobook))

    def test_a_missing_price_keeps_the_last_one(self) -> None:
        assert self.published["missing_price"] == [100000, 100000, 50000, 105000, 109780]
        assert self.ours["missing_price"] == [100000, 100000, 100000, 105000, 109780]

    def test_a_partly_covered_short_keeps_its_average(self) -> None:
        assert self.published["short_cover"] == [[-1000, 100, 0], [-500, 300, 0], [-200, 1200, 60000], [0, 0, 280000]]
        assert self.ours["short_cover"] == [[-1000, 100, 0], [-500, 100, 0], [-200, 100, 0], [0, 0, 0]]

    def test_an_atr_stop_does_not_fire_on_the_entry_bar(self) -> None:
        assert [event[0] for event in self.published["atr_stop"]] == [0, 1, 2, 3]
        # Best price 10,100 less twice the mean of the last two changes, 50 and 1,050.
        assert self.ours["atr_stop"] == [[3, "A", 9000, 9000, "atr"]]

    def test_no_stop_fires_on_the_bar_of_the_entry(self) -> None:
        # 2 % under 20 cents is 19.6, rounded to 20: the price itself.
        assert self.published["stop_on_entry"] == [0, 1]
        assert self.ours["stop_on_entry"] == [1]

    def test_of_stops_at_one_level_the_first_is_named(self) -> None:
        assert self.published["tied_stops"] == ["trailing"]
        assert self.ours["tied_stops"] == ["fixed"]

    def test_a_repeated_target_trades_once(self) -> None:
        assert self.published["repeated_target"][0] == 79200
        assert self.ours["repeated_target"][0] == 79800

    def test_rolling_recovers_after_what_is_not_a_number(self) -> None:
        assert self.published["rolling_after_nan"][1:] == [0.0] * 5
        assert self.ours["rolling_after_nan"][1:3] == [0.0, 0.0]
        assert all(value > 0.0 for value in self.ours["rolling_after_nan"][3:])

    def test_rolling_sharpe_of_equal_returns_is_zero(self) -> None:
        assert self.published["rolling_equal"][-1] > 1e6
        assert self.ours["rolling_equal"][-1] == 0.0

    def test_bands_recover_after_what_is_not_a_number(self) -> None:
        assert math.isnan(self.published["bbands_after_nan"][1][-1])
        assert self.ours["bbands_after_nan"][1][-1] == 4.5

    def test_a_score_that_is_not_a_number_has_no_spread(self) -> None:
        assert self.published["spread_nan_score"] == 2.0
        assert math.isnan(self.ours["spread_nan_score"])
