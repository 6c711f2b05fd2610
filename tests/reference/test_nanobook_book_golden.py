"""Our compatible order book against the stored answers of the published wheel."""

import hashlib
import json
from pathlib import Path

import pytest

from nanodesk.compat import nanobook
from reference import nanobook_book_cases as cases
from reference.nanobook_answers import plain

GOLDEN = json.loads((Path(__file__).resolve().parent.parent / "data" / "nanobook_0_9_3_book.json").read_text())


class TestPublishedFlows:
    @pytest.mark.parametrize("group", cases.RANDOM_FLOWS)
    def test_first_flow_in_full(self, group: str) -> None:
        assert json.loads(cases.transcript(nanobook, group, 0, 0)) == GOLDEN["first"][group]

    @pytest.mark.parametrize("group", cases.RANDOM_FLOWS)
    def test_random_flows(self, group: str) -> None:
        stored, differing = GOLDEN["random"][group], []
        for index, digest in enumerate(stored):
            told = cases.transcript(nanobook, group, 0, index)
            if hashlib.sha256(told.encode()).hexdigest()[:12] != digest:
                differing.append(index)
        assert differing == []

    def test_the_flows_reach_what_they_are_about(self) -> None:
        told = {
            group: "".join(cases.transcript(nanobook, group, 0, index) for index in range(50))
            for group in cases.RANDOM_FLOWS
        }
        assert told["plain"].count('"Filled"') > 100
        assert told["plain"].count('"PartiallyFilled"') > 100
        assert told["stops"].count('"triggered"') > 100
        assert told["stops"].count("status='Triggered'") > 20
        assert told["modify"].count("ModifyResult(success=True") > 50
        assert told["symbols"].count("Position(symbol=") > 50
        assert told["itch"].count("Modify {") > 10


class TestPublishedFace:
    def test_members(self) -> None:
        ours = cases.members(nanobook)
        assert {name: set(published) - set(ours[name]) for name, published in GOLDEN["members"].items()} == {
            name: set() for name in ours
        }

    @pytest.mark.parametrize("name", GOLDEN["signatures"])
    def test_signatures(self, name: str) -> None:
        assert cases.signatures(nanobook)[name] == GOLDEN["signatures"][name]

    @pytest.mark.parametrize("name", GOLDEN["errors"])
    def test_types_of_errors(self, name: str) -> None:
        assert cases.errors(nanobook)[name] == GOLDEN["errors"][name]


class TestDeliberateDifferences:
    """docs/compat.md lists them; the left side is what the wheel answers."""

    published = GOLDEN["deliberate"]
    ours = plain(cases.deliberate(nanobook))

    def test_a_cancel_after_a_fill_takes_the_right_order(self) -> None:
        assert self.published["cancel_after_fill"] == [True, [2]]
        assert self.ours["cancel_after_fill"] == [True, []]

    def test_an_order_that_never_rests_is_terminal(self) -> None:
        assert self.published["partial_ioc"] == ["partiallyfilled", 20]
        assert self.ours["partial_ioc"] == ["cancelled", 20]
        assert self.published["partial_ioc_cancel"] == "CancelResult(success=True, cancelled_quantity=20)"
        assert self.ours["partial_ioc_cancel"] == "CancelResult(success=False, error='OrderNotActive')"

    def test_a_modify_that_trades_is_seen_by_stops_and_replayed(self) -> None:
        assert self.published["modify_that_trades"] == [[None, 1, 1], [105, 2, 0]]
        assert self.ours["modify_that_trades"] == [[105, 2, 0], [105, 2, 0]]

    def test_every_price_of_a_sweep_is_seen(self) -> None:
        assert (self.published["sweep"], self.ours["sweep"]) == (1, 0)

    def test_nothing_of_zero_is_filled(self) -> None:
        assert (self.published["zero_quantity"], self.published["zero_stop"]) == ("Filled", "Pending")
        assert (self.ours["zero_quantity"], self.ours["zero_stop"]) == ("ValueError", "ValueError")

    def test_numbers_no_order_has(self) -> None:
        assert (self.published["market_price"], self.published["huge_quantity"]) == ("New", "New")
        assert (self.ours["market_price"], self.ours["huge_quantity"]) == ("ValueError", "ValueError")

    def test_trails_that_cannot_move_are_refused(self) -> None:
        assert self.published["trail_values"] == ["Pending"] * 4
        assert self.ours["trail_values"] == ["ValueError"] * 4

    def test_a_percentage_is_rounded(self) -> None:
        assert (self.published["percentage"], self.ours["percentage"]) == (9510, 9509)

    def test_books_are_live(self) -> None:
        assert self.published["copied_book"] == [["A", None, None]]
        assert self.ours["copied_book"] == [["A", 100, None]]

    def test_asking_makes_no_book(self) -> None:
        assert (self.published["unknown_symbol"], self.ours["unknown_symbol"]) == (["A"], [])

    def test_events_are_pickled(self) -> None:
        assert self.published["pickle"] == "TypeError"
        assert self.ours["pickle"] == "SubmitLimit { side: Sell, price: Price(100), quantity: 30, time_in_force: GTC }"
