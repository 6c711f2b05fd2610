"""The look-alike of Binance says the fields that the venue documents, no more and no fewer.

An adapter and a look-alike of one mind share its mistakes, so the names come from the vendor's documents. They are not
part of this repository (their licence forbids it); they are read where ``NANODESK_DATA`` has them.
"""

import gzip
import json
import urllib.parse
import urllib.request

import pytest

from binance_venue import KEY, SECRET, running
from market_data import market_data
from nanodesk.brokers.binance.signing import signer_of

PAIR = {"symbol": "BTCUSDT"}
PLACE = {**PAIR, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "40000"}


@pytest.fixture(scope="module")
def documents():
    path = market_data() / "api_fixtures" / "binance_spot_doc_examples.jsonl.gz"
    if not path.exists():
        pytest.skip("no documents of the venue")
    found = {}
    with gzip.open(path, "rt") as file:
        for row in map(json.loads, file):
            found.setdefault((row["doc"], row["section"].partition(" (")[0]), []).append(row["json"])
    return found


class Client:
    """Signed requests, as a program without any library makes them."""

    def __init__(self, venue):
        self.venue = venue

    def __call__(self, method, path, **parameters):
        query = urllib.parse.urlencode({**parameters, "timestamp": self.venue.clock() // 10**6})
        url = f"http://127.0.0.1:{self.venue.port}/api/v3/{path}?{query}&signature={signer_of(SECRET).sign(query)}"
        request = urllib.request.Request(url, method=method, headers={"X-MBX-APIKEY": KEY})
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.loads(answer.read())

    def public(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.venue.port}/api/v3/{path}?{query}", timeout=5) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def told():
    """Answers of the look-alike by the heading under which the venue documents them."""
    with running() as venue:
        ask = Client(venue)
        found = {"New order": ask("POST", "order", **{**PLACE, "price": "50001"})}
        ask("POST", "order", **PLACE, newClientOrderId="first")
        found |= {
            "Exchange information": ask.public("exchangeInfo"),
            "Recent trades list": ask.public("trades", **PAIR),
            "24hr ticker price change statistics": ask.public("ticker/24hr", **PAIR),
            "Current average price": ask.public("avgPrice", **PAIR),
            "Symbol price ticker": ask.public("ticker/price", **PAIR),
            "Symbol order book ticker": ask.public("ticker/bookTicker"),
            "Kline/Candlestick data": ask.public("klines", interval="1m", **PAIR),
            "Account information": ask("GET", "account"),
            "Query Commission Rates": ask("GET", "account/commission", **PAIR),
            "Query Unfilled Order Count": ask("GET", "rateLimit/order"),
            "Query order": ask("GET", "order", **PAIR, origClientOrderId="first"),
            "Current open orders": ask("GET", "openOrders"),
            "All orders": ask("GET", "allOrders", **PAIR),
            "Account trade history": ask("GET", "myTrades", **PAIR),
            "Cancel order": ask("DELETE", "order", **PAIR, origClientOrderId="first"),
        }
        ask("POST", "order", **PLACE, newClientOrderId="second")
        amend = {**PAIR, "origClientOrderId": "second", "newQty": "0.05", "newClientOrderId": "third"}
        found["Order Amend Keep Priority"] = ask("PUT", "order/amend/keepPriority", **amend)
        again = {**PLACE, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "third"}
        found["Cancel an Existing Order and Send a New Order"] = ask("POST", "order/cancelReplace", **again)
        yield found


def names(value):
    """Names of a value's fields, with those of the objects inside."""
    if isinstance(value, list):
        return names(value[0]) if value and isinstance(value[0], dict) else len(value[0]) if value else 0
    return {key: names(one) if isinstance(one, dict) else None for key, one in value.items()}


SERVED = [
    "24hr ticker price change statistics",
    "Account information",
    "All orders",
    "Cancel an Existing Order and Send a New Order",
    "Cancel order",
    "Current average price",
    "Current open orders",
    "Kline/Candlestick data",
    "Order Amend Keep Priority",
    "Query Commission Rates",
    "Query Unfilled Order Count",
    "Query order",
    "Recent trades list",
    "Symbol order book ticker",
    "Symbol price ticker",
]


@pytest.mark.parametrize("section", SERVED)
def test_fields_of_an_answer(documents, told, section):
    assert names(told[section]) == names(documents["rest-api.md", section][0])


def results(documents, section):
    return [row["result"] for row in documents["web-socket-api.md", section] if "result" in row]


def test_fields_of_a_new_order(documents, told):
    full = next(row for row in results(documents, "Place new order") if "fills" in row)
    optional = {"selfTradePreventionMode": None}  # in the shorter of the documented answers
    assert names(told["New order"]) == names(full) | optional
    assert names(told["New order"]["fills"]) == names(full["fills"])


def test_fields_of_a_fill(documents, told):
    assert names(told["Account trade history"]) == names(results(documents, "Account trade history")[0])


def test_fields_of_an_instrument(documents, told):
    documented = results(documents, "Exchange information")[0]
    assert names(told["Exchange information"]["symbols"]) == names(documented["symbols"])
    filters = {rows["filterType"]: rows for (doc, _), rows in flat(documents) if doc == "filters.md"}
    for one in told["Exchange information"]["symbols"][0]["filters"]:
        assert names(one) == names(filters[one["filterType"]]), one["filterType"]


def flat(documents):
    return [(key, row) for key, rows in documents.items() for row in rows if isinstance(row, dict)]
