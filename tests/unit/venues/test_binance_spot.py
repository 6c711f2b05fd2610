"""The Binance look-alike itself: signatures, codes, filters, limits, ids, streams, asked without our adapter."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from binance_venue import BTC, KEY, SECRET, market, running
from nanodesk.market.fixed_point import E9
from nanodesk.market.trading_rules import TradingStatus
from nanodesk.venues.binance_spot.venue import SpotLimits
from secret_watch import MARK

aiohttp = pytest.importorskip("aiohttp")
PLACE = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "40000"}


@pytest.fixture(scope="module")
def shared():
    with running() as venue:
        yield venue


@pytest.fixture
def venue():
    with running() as one:
        yield one


def hmac_of(text, secret=SECRET):
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def ask(venue, method, path, parameters=None, *, key=KEY, sign=hmac_of, raw=None, body=None, **timing):
    """Status, content and headers of one request; ``raw`` replaces the query, ``body`` goes where forms go."""
    query = urllib.parse.urlencode(parameters or {}, quote_via=urllib.parse.quote)
    if sign is not None and raw is None:
        timing = {"timestamp": str(venue.clock() // 10**6), **timing}
        query = "&".join(filter(None, [query, urllib.parse.urlencode(timing)]))
        query += "&signature=" + urllib.parse.quote(sign(query + (body or "")), safe="")
    url = f"http://127.0.0.1:{venue.port}/api/v3/{path}?{query if raw is None else raw}"
    data = body.encode() if body is not None else None
    request = urllib.request.Request(url, method=method, data=data, headers={"X-MBX-APIKEY": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


def code(venue, method="POST", path="order", parameters=None, **options):
    return ask(venue, method, path, parameters, **options)[1].get("code")


class TestSignatures:
    def test_in_the_query_in_the_body_and_in_both(self, venue):
        assert ask(venue, "POST", "order", PLACE)[0] == 200
        form = urllib.parse.urlencode({**PLACE, "timestamp": venue.clock() // 10**6})
        assert ask(venue, "POST", "order", raw="", body=f"{form}&signature={hmac_of(form)}")[0] == 200
        half = urllib.parse.urlencode({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"})
        rest = urllib.parse.urlencode({"quantity": "0.1", "timestamp": venue.clock() // 10**6})
        signed = f"{rest}&signature={hmac_of(half + rest)}"
        assert ask(venue, "POST", "order", raw=half, body=signed)[0] == 200

    def test_what_is_signed_is_percent_encoded(self, shared):
        plain = f"symbol=币安USDT&timestamp={shared.clock() // 10**6}"
        encoded = urllib.parse.quote(plain, safe="=&")
        wrong = f"{encoded}&signature={hmac_of(plain)}"
        right = f"{encoded}&signature={hmac_of(encoded)}"
        assert code(shared, "GET", "openOrders", raw=wrong) == -1022
        assert code(shared, "GET", "openOrders", raw=right) == -1121

    def test_another_order_of_the_parameters_is_another_payload(self, shared):
        text = f"symbol=BTCUSDT&timestamp={shared.clock() // 10**6}"
        moved = "&".join(reversed(text.split("&")))
        assert code(shared, "GET", "openOrders", raw=f"{moved}&signature={hmac_of(text)}") == -1022

    @pytest.mark.parametrize(
        ("options", "expected", "status"),
        [
            ({"key": None}, -2014, 401),
            ({"key": "another"}, -2015, 401),
            ({"sign": lambda text: hmac_of(text, "another")}, -1022, 400),
            ({"raw": "symbol=BTCUSDT"}, -1102, 400),
            ({"raw": "symbol=BTCUSDT&timestamp=1700000000000"}, -1102, 400),
            ({"timestamp": "soon"}, -1100, 400),
            ({"recvWindow": "60001"}, -1131, 400),
            ({"recvWindow": "0.0001"}, -1100, 400),
        ],
    )
    def test_refusals(self, shared, options, expected, status):
        got, content, _ = ask(shared, "GET", "openOrders", {"symbol": "BTCUSDT"}, **options)
        assert (got, content["code"]) == (status, expected)

    @pytest.mark.parametrize(
        ("ahead_ms", "window", "is_taken"),
        [
            (900, "5000", True),
            (1100, "5000", False),
            (-4500, "5000", True),
            (-5500, "5000", False),
            (-150, "100.5", False),
            (-59_000, "60000", True),
        ],
    )
    def test_the_window(self, shared, ahead_ms, window, is_taken):
        stamp = shared.clock() // 10**6 + ahead_ms
        _, content, _ = ask(shared, "GET", "account", timestamp=str(stamp), recvWindow=window)
        assert ("balances" in content) is is_taken
        if not is_taken:
            assert content["code"] == -1021

    def test_microseconds_are_taken_too(self, shared):
        assert ask(shared, "GET", "account", timestamp=str(shared.clock() // 1000))[0] == 200

    def test_ed25519(self):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes((MARK * 3)[:32].encode())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        with running(secret=pem) as venue:
            assert (
                ask(venue, "GET", "account", sign=lambda text: base64.b64encode(key.sign(text.encode())).decode())[0]
                == 200
            )
            assert code(venue, "GET", "account", sign=lambda text: "AAAA") == -1022
            check_ed25519_broker(venue, pem)


def check_ed25519_broker(venue, pem):
    from binance_venue import limit, trading
    from nanodesk.brokers.base import OutcomeKind

    with trading(venue, secret=pem) as broker:
        outcomes = [broker.submit(limit("a-1")), *broker.submit_many([limit("a-2"), limit("a-3")])]
        assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}


class TestOrders:
    @pytest.mark.parametrize(
        ("change", "expected", "words"),
        [
            ({"symbol": "NOPEUSDT"}, -1121, "Invalid symbol."),
            ({"symbol": None}, -1102, "symbol"),
            ({"side": "HOLD"}, -1117, "Invalid side."),
            ({"type": "ICEBERG"}, -1116, "Invalid orderType."),
            ({"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
            ({"timeInForce": None}, -1102, "timeInForce"),
            ({"price": None}, -1102, "price"),
            ({"quantity": None}, -1102, "quantity"),
            ({"quantity": "1e3"}, -1100, "quantity"),
            ({"quantity": "-1"}, -1100, "quantity"),
            ({"quantity": "0"}, -1013, "quantity"),
            ({"quantity": "0.123456789"}, -1111, "precision"),
            ({"price": "40000.001"}, -1013, "PRICE_FILTER"),
            ({"quantity": "0.000001"}, -1013, "LOT_SIZE"),
            ({"quantity": "10000000"}, -1013, "LOT_SIZE"),
            ({"quantity": "0.0001"}, -1013, "NOTIONAL"),
            ({"price": "300000"}, -1013, "PERCENT_PRICE_BY_SIDE"),
            ({"price": "9000"}, -1013, "PERCENT_PRICE_BY_SIDE"),
            ({"newClientOrderId": "a b"}, -1100, "newClientOrderId"),
            ({"newClientOrderId": "x" * 37}, -1100, "newClientOrderId"),
            ({"unheardOf": "1"}, -1104, "Not all sent parameters"),
            ({"quoteOrderQty": "5"}, -1106, "quoteOrderQty"),
            ({"trailingDelta": "5"}, -1013, "Trailing stop orders are not supported"),
            ({"icebergQty": "0.1"}, -1013, "Iceberg orders are not supported"),
            ({"type": "TAKE_PROFIT", "stopPrice": "60000"}, -1013, "Take profit orders are not supported"),
            ({"selfTradePreventionMode": "EXPIRE_TAKER"}, -1013, "self-trade prevention mode"),
            ({"quantity": "25", "price": "49990"}, -2010, "insufficient balance"),
            ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "50001"}, -2010, "immediately match"),
            ({"type": "MARKET", "timeInForce": None}, -1106, "price"),
        ],
    )
    def test_refusals(self, shared, change, expected, words):
        parameters = {name: value for name, value in {**PLACE, **change}.items() if value is not None}
        status, content, _ = ask(shared, "POST", "order", parameters)
        assert (status, content["code"]) == (400, expected)
        assert words in content["msg"]

    def test_the_filters_enforced_are_those_told(self, shared):
        _, info, _ = ask(shared, "GET", "exchangeInfo", {"symbol": "BTCUSDT"}, sign=None)
        filters = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
        assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
        assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
        assert filters["NOTIONAL"]["minNotional"] == "5.00000000"

    def test_a_halted_symbol(self, venue):
        venue.do(lambda: venue.market.set_status("BTC", TradingStatus.HALTED))
        assert ask(venue, "POST", "order", PLACE)[1] == {"code": -1013, "msg": "Market is closed."}

    def test_the_number_of_orders_is_bounded(self, venue):
        for _ in range(5):
            stop = {**PLACE, "type": "STOP_LOSS_LIMIT", "stopPrice": "60000", "price": "60001"}
            assert ask(venue, "POST", "order", {**stop, "quantity": "0.001"})[0] == 200
        assert "MAX_NUM_ALGO_ORDERS" in ask(venue, "POST", "order", stop)[1]["msg"]

    def test_the_trap_an_id_is_free_again_once_its_order_has_ended(self, venue):
        named = {**PLACE, "newClientOrderId": "same"}
        assert ask(venue, "POST", "order", named)[0] == 200
        assert ask(venue, "POST", "order", named)[1] == {"code": -2010, "msg": "Duplicate order sent."}
        assert ask(venue, "DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "same"})[0] == 200
        marketable = {**named, "price": "50001"}
        first = ask(venue, "POST", "order", marketable)[1]
        second = ask(venue, "POST", "order", marketable)[1]
        assert first["status"] == second["status"] == "FILLED"
        assert first["orderId"] != second["orderId"], "a resend with the same id is a second order"

    def test_by_cash(self, venue):
        answer = ask(
            venue, "POST", "order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "500"}
        )[1]
        assert answer["executedQty"] == "0.00999000"
        assert answer["origQuoteOrderQty"] == "500.00000000"

    @pytest.mark.parametrize(("detail", "has_status", "has_fills"), [("ACK", 0, 0), ("RESULT", 1, 0), ("FULL", 1, 1)])
    def test_length_of_the_answer(self, shared, detail, has_status, has_fills):
        answer = ask(shared, "POST", "order", {**PLACE, "price": "50001", "newOrderRespType": detail})[1]
        assert ("status" in answer, "fills" in answer) == (bool(has_status), bool(has_fills))

    def test_a_test_order_changes_nothing(self, venue):
        assert ask(venue, "POST", "order/test", PLACE)[1] == {}
        assert code(venue, "POST", "order/test", {**PLACE, "quantity": "25", "price": "49990"}) == -2010
        assert venue.orders() == ()

    def test_unknown_orders(self, shared):
        named = {"symbol": "BTCUSDT", "origClientOrderId": "never"}
        assert code(shared, "GET", parameters=named) == -2013
        assert code(shared, "DELETE", parameters=named) == -2011
        assert code(shared, "GET", parameters={"symbol": "BTCUSDT"}) == -1102
        assert code(shared, "DELETE", "openOrders", {"symbol": "ETHUSDT"}) == -2011


class TestCancelReplace:
    REPLACE = {**PLACE, "price": "41000", "cancelOrigClientOrderId": "old", "newClientOrderId": "new"}  # noqa: RUF012

    def replace(self, venue, **change):
        return ask(
            venue, "POST", "order/cancelReplace", {**self.REPLACE, "cancelReplaceMode": "STOP_ON_FAILURE", **change}
        )

    def test_both(self, venue):
        ask(venue, "POST", "order", {**PLACE, "newClientOrderId": "old"})
        status, content, _ = self.replace(venue)
        assert status == 200
        assert content["cancelResponse"]["origClientOrderId"] == "old"
        assert content["newOrderResponse"]["clientOrderId"] == "new"

    def test_neither(self, venue):
        status, content, _ = self.replace(venue)
        assert (status, content["code"]) == (400, -2022)
        assert (content["data"]["cancelResult"], content["data"]["newOrderResult"]) == ("FAILURE", "NOT_ATTEMPTED")

    def test_the_first_half(self, venue):
        ask(venue, "POST", "order", {**PLACE, "newClientOrderId": "old"})
        status, content, _ = self.replace(venue, quantity="25", price="49990")
        assert (status, content["code"]) == (409, -2021)
        assert content["data"]["cancelResponse"]["status"] == "CANCELED"
        assert content["data"]["newOrderResponse"]["code"] == -2010

    def test_the_second_half(self, venue):
        status, content, _ = self.replace(venue, cancelReplaceMode="ALLOW_FAILURE")
        assert (status, content["code"], content["data"]["newOrderResult"]) == (409, -2021, "SUCCESS")


class TestAmend:
    def test_smaller_and_under_a_new_id(self, venue):
        ask(venue, "POST", "order", {**PLACE, "newClientOrderId": "old"})
        amend = {"symbol": "BTCUSDT", "origClientOrderId": "old", "newQty": "0.05", "newClientOrderId": "new"}
        _, content, _ = ask(venue, "PUT", "order/amend/keepPriority", amend)
        assert content["amendedOrder"]["qty"] == "0.05000000"
        assert (content["amendedOrder"]["origClientOrderId"], content["amendedOrder"]["clientOrderId"]) == (
            "old",
            "new",
        )
        assert (
            ask(venue, "GET", "order", {"symbol": "BTCUSDT", "origClientOrderId": "new"})[1]["origQty"] == "0.05000000"
        )
        assert (
            code(venue, "PUT", "order/amend/keepPriority", {**amend, "origClientOrderId": "new", "newQty": "0.1"})
            == -2038
        )


@contextlib.contextmanager
def at_one_instant(**options):
    """A venue whose clock stands still: no window of a limit ends between two requests."""
    now = time.time_ns()
    with running(made=market(now_ns=lambda: now), **options) as venue:
        venue.clock = lambda: now
        yield venue


class TestMarketData:
    def test_candles_of_what_traded_and_flat_ones_where_nothing_did(self, venue):
        for quantity in ("0.1", "0.3"):
            ask(venue, "POST", "order", {**PLACE, "price": "50001", "quantity": quantity})
        rows = ask(venue, "GET", "klines", {"symbol": "BTCUSDT", "interval": "1h", "limit": "3"}, sign=None)[1]
        assert [row[6] - row[0] for row in rows] == [3_599_999] * 3
        assert all(row[0] % 3_600_000 == 0 for row in rows)
        assert rows[0][1:6] == ["50000.00000000"] * 4 + ["0.00000000"]
        assert sum(float(row[5]) for row in rows) == 0.4
        assert sum(row[8] for row in rows) == 2
        assert rows[-1][4] == "50001.00000000"

    def test_candles_are_asked_for_by_their_beginning(self, shared):
        day = 86_400_000
        monday = (int(time.time() * 1000) - 4 * day) // (7 * day) * 7 * day + 4 * day
        asked = {"symbol": "BTCUSDT", "interval": "1w", "startTime": monday - 14 * day - 5, "limit": "2"}
        rows = ask(shared, "GET", "klines", asked, sign=None)[1]
        assert [row[0] for row in rows][:1] == [monday - 14 * day]
        assert code(shared, "GET", "klines", {"symbol": "BTCUSDT", "interval": "7m"}, sign=None) == -1120

    def test_the_day_and_the_mean(self, venue):
        ask(venue, "POST", "order", {**PLACE, "price": "50001"})
        row = ask(venue, "GET", "ticker/24hr", {"symbol": "BTCUSDT"}, sign=None)[1]
        assert (row["count"], row["volume"], row["lastPrice"]) == (1, "0.10000000", "50001.00000000")
        assert {one["symbol"] for one in ask(venue, "GET", "ticker/24hr", sign=None)[1]} == {"BTCUSDT", "ETHUSDT"}
        assert ask(venue, "GET", "avgPrice", {"symbol": "BTCUSDT"}, sign=None)[1]["price"] == "50001.00000000"
        assert ask(venue, "GET", "avgPrice", {"symbol": "ETHUSDT"}, sign=None)[1]["price"] == "3000.00000000"
        assert ask(venue, "GET", "aggTrades", {"symbol": "BTCUSDT"}, sign=None)[1][0]["q"] == "0.10000000"

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"orderId": "1", "startTime": "1"}, -1128),
            ({"fromId": "1", "endTime": "5"}, -1128),
            ({"startTime": "1", "endTime": "86400002"}, -1127),
            ({"startTime": "5", "endTime": "1"}, -1127),
        ],
    )
    def test_ways_to_ask_for_trades_that_the_venue_refuses(self, shared, asked, expected):
        assert code(shared, "GET", "myTrades", {"symbol": "BTCUSDT", **asked}) == expected

    def test_what_names_one_thing_weighs_less(self, venue):
        def weight(path, parameters):
            before = int(ask(venue, "GET", "time", sign=None)[2]["X-MBX-USED-WEIGHT-1M"])
            return int(ask(venue, "GET", path, parameters)[2]["X-MBX-USED-WEIGHT-1M"]) - before

        assert weight("myTrades", {"symbol": "BTCUSDT"}) == 20
        assert weight("myTrades", {"symbol": "BTCUSDT", "orderId": "1"}) == 5
        assert (weight("openOrders", {}), weight("openOrders", {"symbol": "BTCUSDT"})) == (80, 6)

    def test_what_is_not_served_is_said_so_in_the_log(self, venue, caplog):
        status, content, _ = ask(venue, "POST", "orderList/oco", PLACE)
        assert (status, content["code"]) == (404, -1000)
        assert caplog.messages == ["not_served: POST /api/v3/orderList/oco"]


class TestLimits:
    def test_a_replacement_without_room_for_an_order_cancels_nothing(self):
        with running(limits=SpotLimits(orders_10s=1)) as venue:
            until_next = 10 - time.time() % 10
            if until_next < 2:
                time.sleep(until_next)
            ask(venue, "POST", "order", {**PLACE, "newClientOrderId": "old"})
            replace = {**TestCancelReplace.REPLACE, "cancelReplaceMode": "STOP_ON_FAILURE"}
            status, content, _ = ask(venue, "POST", "order/cancelReplace", replace)
            assert (status, content["code"]) == (429, -1015)
            assert [order.is_open for order in venue.orders()] == [True]
            status, content, _ = ask(
                venue, "POST", "order/cancelReplace", {**replace, "orderRateLimitExceededMode": "CANCEL_ONLY"}
            )
            assert (status, content["code"], content["data"]["newOrderResponse"]["code"]) == (409, -2021, -1015)

    def test_weights_are_told_and_enforced_and_stubbornness_is_banned(self):
        with at_one_instant(limits=SpotLimits(weight_1m=50, ban_after=3)) as venue:
            _, _, headers = ask(venue, "GET", "account")
            assert headers["X-MBX-USED-WEIGHT-1M"] == "20"
            ask(venue, "GET", "account")
            status, content, headers = ask(venue, "GET", "account")
            assert (status, content["code"]) == (429, -1003)
            assert 1 <= int(headers["Retry-After"]) <= 61
            statuses = [ask(venue, "GET", "ping", sign=None)[0] for _ in range(4)]
            assert statuses[-1] == 418

    def test_orders_are_counted_until_they_fill(self):
        with at_one_instant(limits=SpotLimits(orders_10s=3)) as venue:
            for _ in range(6):
                assert ask(venue, "POST", "order", {**PLACE, "price": "50001"})[0] == 200
            answers = [ask(venue, "POST", "order", PLACE) for _ in range(4)]
            assert answers[-1][1].get("code") == -1015
            assert answers[0][2]["X-MBX-ORDER-COUNT-10S"] == "1"


async def talk(url, *messages, listen=0.2):
    """What a WebSocket answers, in order."""
    heard = []
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for message in messages:
            await socket.send_str(message if isinstance(message, str) else json.dumps(message))
        while True:
            try:
                message = await asyncio.wait_for(socket.receive(), listen)
            except TimeoutError:
                return heard
            if message.type is not aiohttp.WSMsgType.TEXT:
                return [*heard, message.data]
            heard.append(json.loads(message.data))


def signed(venue, **parameters):
    whole = {**parameters, "apiKey": KEY, "timestamp": venue.clock() // 10**6}
    payload = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
    return {**whole, "signature": hmac_of(payload)}


class TestWebSocketApi:
    def talk(self, venue, *messages):
        return asyncio.run(talk(venue.endpoints["ws_api_url"], *messages))

    def test_calls_and_their_limits(self, shared):
        answers = self.talk(
            shared,
            {"id": 1, "method": "ping"},
            {"id": "two", "method": "account.status", "params": signed(shared)},
            {"id": 3, "method": "order.status", "params": signed(shared, symbol="BTCUSDT", origClientOrderId="no")},
            {"id": 4, "method": "nonsense"},
            {"id": 5, "method": "time", "params": {"returnRateLimits": False}},
            "no json",
        )
        assert [answer["id"] for answer in answers] == [1, "two", 3, 4, 5, None]
        assert [answer["status"] for answer in answers] == [200, 200, 400, 400, 200, 400]
        assert answers[1]["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
        assert answers[2]["error"]["code"] == -2013
        assert "rateLimits" not in answers[4]

    def test_a_wrong_signature(self, shared):
        wrong = {**signed(shared, symbol="BTCUSDT"), "signature": "00"}
        (answer,) = self.talk(shared, {"id": 1, "method": "openOrders.status", "params": wrong})
        assert answer["error"]["code"] == -1022

    def test_log_on_is_for_ed25519_only(self, shared):
        (answer,) = self.talk(shared, {"id": 1, "method": "session.logon", "params": signed(shared)})
        assert answer["error"]["code"] == -4056

    def test_events_of_the_account_with_every_key(self, venue):
        place = signed(venue, **{**PLACE, "price": "50001", "newClientOrderId": "ws-1"})
        heard = self.talk(
            venue,
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed(venue)},
            {"id": 2, "method": "order.place", "params": place},
            {"id": 3, "method": "userDataStream.unsubscribe"},
        )
        reports = [one["event"] for one in heard if one.get("event", {}).get("e") == "executionReport"]
        assert [(report["x"], report["X"]) for report in reports] == [("NEW", "NEW"), ("TRADE", "FILLED")]
        assert set("eEsScCofqpPFgxXrilzLnNTtIwmMOZYQWV") <= set(reports[0])
        assert (reports[0]["t"], reports[1]["t"]) == (-1, 1)
        kinds = [one["event"]["e"] for one in heard if "event" in one]
        assert kinds[-1] == "eventStreamTerminated"
        [balances] = [one["event"] for one in heard if one.get("event", {}).get("e") == "outboundAccountPosition"]
        assert [row["a"] for row in balances["B"]] == ["BTC", "USDT"]  # what the fill touched, no more

    def test_a_cancel_names_both_ids(self, venue):
        named = {"symbol": "BTCUSDT", "origClientOrderId": "ws-1", "newClientOrderId": "cancel-1"}
        heard = self.talk(
            venue,
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed(venue)},
            {"id": 2, "method": "order.place", "params": signed(venue, **{**PLACE, "newClientOrderId": "ws-1"})},
            {"id": 3, "method": "order.cancel", "params": signed(venue, **named)},
        )
        last = [one["event"] for one in heard if one.get("event", {}).get("e") == "executionReport"][-1]
        assert (last["x"], last["c"], last["C"]) == ("CANCELED", "cancel-1", "ws-1")


class TestMarketStreams:
    def test_best_quotes_changes_and_trades(self, venue):
        url = f"{venue.endpoints['stream_url']}/stream?streams=btcusdt@bookTicker/btcusdt@depth/btcusdt@trade"

        async def listen():
            heard = asyncio.ensure_future(talk(url, {"method": "LIST_SUBSCRIPTIONS", "id": 1}, listen=0.4))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(ask, venue, "POST", "order", {**PLACE, "price": "50001"})
            return await heard

        heard = asyncio.run(listen())
        assert len(heard[0]["result"]) == 3
        streams = {}
        for one in heard[1:]:
            streams.setdefault(one["stream"], []).append(one["data"])
        assert streams["btcusdt@bookTicker"][0]["a"] == "50001.00000000"
        assert streams["btcusdt@trade"][0]["q"] == "0.10000000"
        changes = streams["btcusdt@depth"]
        for before, after in itertools.pairwise(changes):
            assert after["U"] == before["u"] + 1
        book = ask(venue, "GET", "depth", {"symbol": "BTCUSDT"}, sign=None)[1]
        assert book["lastUpdateId"] == changes[-1]["u"]
        assert book["asks"][0] == ["50001.00000000", "49.90000000"]

    def test_too_many_messages_end_the_connection(self, shared):
        url = f"{shared.endpoints['stream_url']}/ws"
        heard = asyncio.run(talk(url, *[{"method": "LIST_SUBSCRIPTIONS", "id": n} for n in range(8)]))
        assert len(heard) <= 6


def test_fees_balances_and_trades_agree(venue):
    ask(venue, "POST", "order", {**PLACE, "price": "50001"})
    _, account, _ = ask(venue, "GET", "account")
    usdt = next(row for row in account["balances"] if row["asset"] == "USDT")
    (trade,) = ask(venue, "GET", "myTrades", {"symbol": "BTCUSDT"})[1]
    assert trade["commission"] == "5.00010000"
    assert usdt["free"] == "994994.89990000"
    assert BTC.tick_e9 == E9 // 100

    def test_a_candle_is_told_while_it_grows_and_when_it_is_done(self, venue):
        url = f"{venue.endpoints['stream_url']}/ws/btcusdt@kline_1s"

        async def listen():
            heard = asyncio.ensure_future(hear())
            await asyncio.sleep(0.1)
            await asyncio.to_thread(ask, venue, "POST", "order", {**PLACE, "price": "50001"})
            await asyncio.sleep(2.2)
            heard.cancel()

        said = []

        async def hear():
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
                async for message in socket:
                    said.append(json.loads(message.data)["k"])

        asyncio.run(listen())
        done = [one for one in said if one["x"]]
        assert sum(float(one["v"]) for one in done) == 0.1
        assert [one["t"] for one in done] == sorted({one["t"] for one in done}), "each is done once"
        assert all(one["T"] - one["t"] == 999 for one in said)
