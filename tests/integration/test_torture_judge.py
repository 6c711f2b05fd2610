"""The judge of the torture is no rubber stamp: one true case, and every lie about it is noticed."""

import copy
import os
import shutil

import pytest

from nanodesk.errors import JournalDamagedError
from nanodesk.oms.journal import Journal
from nanodesk.oms.journal_event import JournalEvent
from torture.judge import judge
from torture.workplace import Case, Nursery

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Truth, journal, end and state of a run that nothing interrupted."""
    nursery = Nursery()
    case = Case(nursery, "true", "binance", size="200")
    assert case.live() == 0
    folder = tmp_path_factory.mktemp("told")
    shutil.copytree(case.folder, folder, dirs_exist_ok=True)
    truth, last = case.door("truth"), case.result.results[-1]
    case.close()
    nursery.close()
    return truth, folder, last["positions"], last["state_hash"]


def verdict_of(told, lie=lambda truth: None, **changes):
    truth, folder, expected, state_hash = told
    truth = copy.deepcopy(truth)
    lie(truth)
    return judge(truth, **({"folder": folder, "expected": expected, "state_hash": state_hash} | changes))


def of_account(rows):
    return [row for row in rows if row["account"] == "PAPER"]


def drop_a_fill(truth):
    truth["executions"].remove(of_account(truth["executions"])[0])


def another_price(truth):
    of_account(truth["executions"])[0]["price"] = "100.02"


def two_fills_with_the_sum_of_two(truth):
    first, second = [row for row in of_account(truth["executions"]) if row["symbol"] == "BBB"][:2]
    first["client_order_id"] = second["client_order_id"]
    first["quantity"], second["quantity"] = "1", str(float(first["quantity"]) + float(second["quantity"]) - 1)


def twice(truth):
    truth["orders"].append(of_account(truth["orders"])[0])


def never_intended(truth):
    truth["orders"].append(of_account(truth["orders"])[0] | {"client_order_id": "nobody-s"})


def before_its_intent(truth):
    of_account(truth["orders"])[0]["created_ns"] -= 10**10


def on_other_terms(truth):
    of_account(truth["orders"])[0]["limit_price"] = "100.07"


def over_executed(truth):
    of_account(truth["orders"])[0]["filled"] = "1000000"


def vanished(truth):
    truth["orders"].remove(of_account(truth["orders"])[0])


def still_open(truth):
    of_account(truth["orders"])[0]["state"] = "partially_filled"


def more_shares(truth):
    truth["balances"]["PAPER"]["CCC"] = "301"


def a_share_of_another(truth):
    truth["balances"]["PAPER"]["ZZZ"] = "1"


def less_cash(truth):
    truth["balances"]["PAPER"]["USDT"] = str(float(truth["balances"]["PAPER"]["USDT"]) - 0.01)


LIES = (drop_a_fill, another_price, two_fills_with_the_sum_of_two, twice, never_intended, before_its_intent,
        on_other_terms, over_executed, vanished, still_open, more_shares, a_share_of_another, less_cash)  # fmt: skip


def test_the_truth_is_good(told):
    verdict = verdict_of(told)
    assert verdict.is_good, str(verdict)
    assert verdict.unknown == []


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_of_the_venue(told, lie):
    assert not verdict_of(told, lie).is_good


def test_another_end_than_the_uninterrupted_run(told):
    assert not verdict_of(told, expected=told[2] | {"CCC": 0}).is_good


def test_more_trading_than_the_target_needs(told):
    """One order too many and one back leave the positions right."""
    truth, folder, expected, _ = told
    there = copy.deepcopy(truth)
    there["executions"] += [row | {"quantity": "5"} for row in of_account(truth["executions"])[:2]]
    assert any("traded for" in found for found in judge(there, folder, expected).duplicates)


def test_a_process_in_another_state_than_its_journal(told):
    assert not verdict_of(told, state_hash="0" * 64).is_good


def added(told, tmp_path, *events):
    folder = tmp_path / "changed"
    shutil.copytree(told[1], folder)
    with Journal.open(folder / "orders.db") as journal:
        journal.append(events)
    return folder


@pytest.mark.parametrize(
    "event",
    [
        JournalEvent("symbol_blocked", {"symbol": "BBB", "reason": "test"}),
        JournalEvent("position_mismatch", {"symbol": "BBB", "ours_e9": 0, "theirs_e9": 0}),
        JournalEvent("cash_mismatch", {"currency": "USDT", "ours_e9": 0, "theirs_e9": 0}),
    ],
    ids=lambda event: event.kind,
)
def test_books_that_were_put_right(told, tmp_path, event):
    verdict = verdict_of(told, folder=added(told, tmp_path, event), state_hash=None)
    assert any(event.kind in found for found in verdict.state)


@pytest.mark.parametrize("kind", ["not_sent", "refused"])
def test_called_what_it_is_not(told, tmp_path, kind):
    name = of_account(told[0]["orders"])[0]["client_order_id"]
    folder = added(told, tmp_path, JournalEvent("order_failed", {"error_type": kind, "code": "", "text": ""}, name))
    assert any("was called" in found for found in verdict_of(told, folder=folder, state_hash=None).duplicates)


def test_a_damaged_journal_and_a_damaged_copy(told, tmp_path):
    for name in ("orders.db", "snapshot.db"):
        folder = tmp_path / name
        shutil.copytree(told[1], folder)
        data = bytearray((folder / name).read_bytes())
        data[data.index(b"order_intent")] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises(JournalDamagedError):
            verdict_of(told, folder=folder)
