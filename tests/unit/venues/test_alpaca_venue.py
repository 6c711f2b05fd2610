"""The Alpaca look-alike as a program sees it: bodies, codes and headers of raw requests."""

import http.client
import json

import pytest

from alpaca_venue import KEY, SECRET, WIDE, AlpacaLimits, running

HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "150"}


@pytest.fixture(scope="module")
def venue():
    with running(limits=WIDE) as one:
        yield one


def ask(venue, method, path, body=None, headers=HEADERS):
    connection = http.client.HTTPConnection("127.0.0.1", venue.port, timeout=5)
    content = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    connection.request(method, path, content, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None, {key.lower(): value for key, value in answer.getheaders()}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"symbol": "NOSUCH"}, 422, 42210000),
        ({"symbol": 7}, 422, 42210000),
        ({"qty": "0"}, 422, 40010001),
        ({"qty": "-1"}, 422, 40010001),
        ({"qty": True}, 422, 40010001),
        ({"qty": "1e999"}, 422, 40010001),
        ({"qty": None}, 422, 40010001),
        ({"notional": "100"}, 422, 40010001),
        ({"qty": "0.5"}, 422, 42210000),
        ({"qty": "0.5", "time_in_force": "gtc"}, 422, 42210000),
        ({"side": "hold"}, 422, 40010001),
        ({"side": ["buy"]}, 422, 40010001),
        ({"type": "pegged"}, 422, 40010001),
        ({"type": "market"}, 422, 40010001),
        ({"type": "stop_limit"}, 422, 40010001),
        ({"time_in_force": "opg"}, 422, 40010001),
        ({"limit_price": None}, 422, 40010001),
        ({"limit_price": "150.001"}, 422, 42210000),
        ({"qty": "100000"}, 403, 40310000),
        ({"side": "sell", "qty": "11", "limit_price": "200"}, 403, 40310000),
        ({"position_intent": "buy_to_close"}, 403, 40310000),
        ({"position_intent": "sell_to_close"}, 422, 40010001),
        ({"position_intent": []}, 422, 40010001),
        ({"order_class": "bracket"}, 422, 42210000),
        ({"extended_hours": True}, 422, 42210000),
        ({"trail_price": "1"}, 422, 42210000),
        ({"client_order_id": "x" * 129}, 422, 40010001),
        ({"client_order_id": 7}, 422, 40010001),
    ],
    ids=str,
)
def test_a_bad_order_is_refused_and_leaves_nothing(venue, change, status, code):
    found = ask(venue, "POST", "/v2/orders", {**ORDER, **change})
    assert (found[0], found[1]["code"]) == (status, code)
    assert ask(venue, "GET", "/v2/orders?status=all")[1] == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 5000, b'{"qty": NaN}'])
def test_a_body_that_is_no_order(venue, body):
    status, content, _ = ask(venue, "POST", "/v2/orders", body)
    assert status in (400, 422) and content["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/orders/nosuch", 404),
        ("PATCH", "/v2/orders/nosuch", 404),
        ("DELETE", "/v2/orders/nosuch", 404),
        ("GET", "/v2/orders:by_client_order_id?client_order_id=nosuch", 404),
        ("GET", "/v2/orders:by_client_order_id", 404),
        ("GET", "/v2/positions/NOSUCH", 404),
        ("GET", "/v2/assets/NOSUCH", 404),
        ("GET", "/v2/stocks/NOSUCH/quotes/latest", 404),
        ("GET", "/v2/nothing", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/v2/orders", 404),
        ("GET", "/v2/orders?limit=501", 422),
        ("GET", "/v2/orders?status=maybe", 422),
        ("GET", "/v2/orders?after=yesterday", 422),
        ("GET", "/v2/account/activities?page_size=0", 422),
        ("GET", "/v2/calendar?start=1066-10-14", 422),
        ("GET", "/v2/stocks/snapshots", 422),
    ],
)
def test_what_is_not_there(venue, method, path, status):
    found, content, _ = ask(venue, method, path)
    assert found == status and set(content) >= {"code", "message"}


@pytest.mark.parametrize("headers", [{}, {**HEADERS, "APCA-API-SECRET-KEY": "x"}, {**HEADERS, "APCA-API-KEY-ID": "é"}])
@pytest.mark.parametrize("path", ["/v2/account", "/v2/stocks/AAPL/quotes/latest", "/v2/nothing"])
def test_without_the_key(venue, headers, path):
    status, content, _ = ask(venue, "GET", path, headers={name: value.encode() for name, value in headers.items()})
    assert (status, content["code"]) == (401, 40110000)


def test_limits_are_told_and_kept():
    with running(limits=AlpacaLimits(requests_1m=3)) as venue:
        left = [ask(venue, "GET", "/v2/clock")[2]["x-ratelimit-remaining"] for _ in range(3)]
        status, content, headers = ask(venue, "GET", "/v2/clock")
        assert ask(venue, "GET", "/v2/stocks/AAPL/quotes/latest")[0] == 200, "market data counts on its own"
    assert left == ["2", "1", "0"]
    assert (status, content["code"], headers["x-ratelimit-limit"]) == (429, 42910000, "3")


def test_an_id_is_used_up_for_good_but_not_by_a_refusal():
    with running() as venue:
        named = {**ORDER, "client_order_id": "a-1"}
        assert ask(venue, "POST", "/v2/orders", {**named, "qty": "100000"})[0] == 403
        status, order, _ = ask(venue, "POST", "/v2/orders", named)
        assert (status, order["status"]) == (200, "new")
        assert ask(venue, "DELETE", f"/v2/orders/{order['id']}")[:2] == (204, None)
        status, content, _ = ask(venue, "POST", "/v2/orders", named)
        assert (status, content["message"]) == (422, "client_order_id must be unique")
        assert ask(venue, "DELETE", f"/v2/orders/{order['id']}")[0] == 422


def test_a_chain_of_replacements_and_the_whole_quantity_after_a_partial_fill():
    with running() as venue:
        _, first, _ = ask(venue, "POST", "/v2/orders", {**ORDER, "qty": "150", "limit_price": "185.01"})
        status, second, _ = ask(venue, "PATCH", f"/v2/orders/{first['id']}", {"limit_price": "150"})
        assert status == 200
        assert (second["qty"], second["filled_qty"], second["replaces"]) == ("150", "0", first["id"])
        _, old, _ = ask(venue, "GET", f"/v2/orders/{first['id']}")
        assert (old["status"], old["filled_qty"], old["replaced_by"]) == ("replaced", "100", second["id"])
        assert ask(venue, "PATCH", f"/v2/orders/{first['id']}", {"qty": "1"})[0] == 422
        assert ask(venue, "PATCH", f"/v2/orders/{second['id']}", {"stop_price": "1"})[0] == 422
        assert ask(venue, "PATCH", f"/v2/orders/{second['id']}", {"qty": "10000000"})[0] == 403
        _, rows, _ = ask(venue, "DELETE", "/v2/orders")
        assert rows == [{"id": second["id"], "status": 200}]


def test_ids_repeat_with_the_seed():
    ids = []
    for _ in range(2):
        with running() as venue:
            ids.append(ask(venue, "POST", "/v2/orders", ORDER)[1]["id"])
    assert ids[0] == ids[1]


def test_orders_are_found_by_side_symbol_and_direction():
    with running() as venue:
        for symbol in ("AAPL", "MSFT", "AAPL"):
            ask(venue, "POST", "/v2/orders", {**ORDER, "symbol": symbol})
        ask(venue, "POST", "/v2/orders", {**ORDER, "side": "sell", "limit_price": "300"})

        def found(query):
            return [(row["symbol"], row["side"]) for row in ask(venue, "GET", f"/v2/orders?{query}")[1]]

        assert found("symbols=MSFT") == [("MSFT", "buy")]
        assert found("side=sell") == [("AAPL", "sell")]
        assert found("direction=asc&limit=2") == [("AAPL", "buy"), ("MSFT", "buy")]
        assert found("limit=1") == [("AAPL", "sell")]
        assert found("status=closed") == []
        first = ask(venue, "GET", "/v2/orders?direction=asc")[1][0]["submitted_at"]
        assert len(found(f"after={first}")) == 3 and found(f"until={first}") == []


def test_an_order_that_could_meet_one_of_its_own_account_is_a_wash_trade():
    with running(limits=WIDE) as venue:

        def placed(**change):
            return ask(venue, "POST", "/v2/orders", {**ORDER, **change})[:2]

        _, resting = placed()
        for change in ({}, {"limit_price": "149.99"}, {"type": "market", "limit_price": None}):
            status, answer = placed(side="sell", **change)
            assert (status, answer["code"]) == (403, 40310000)
            assert answer["message"] == "potential wash trade detected. use complex orders"
            assert answer["existing_order_id"] == resting["id"]
        status, answer = placed(side="sell", client_order_id=resting["client_order_id"])
        assert answer["message"] == "client_order_id must be unique"
        assert placed(side="sell", limit_price="300")[0] == placed(limit_price="151")[0] == 200
