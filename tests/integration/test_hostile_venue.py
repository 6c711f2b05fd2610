"""A venue that attacks: each answer ends in one error within its deadline, in flat memory, and nothing follows it."""

import base64
import gzip
import hashlib
import itertools
import json
import logging
import resource
import socket
import struct
import threading
import time
from random import Random

import pytest

pytest.importorskip("aiohttp")

import alpaca_venue
import binance_venue
from nanodesk.brokers.alpaca.broker import AlpacaBroker
from nanodesk.brokers.binance.broker import BinanceBroker
from nanodesk.brokers.event_loop import EventLoopThread
from nanodesk.brokers.http import HttpClient, HttpRequest
from nanodesk.brokers.strict_json import parse_json
from nanodesk.brokers.websocket import WebSocketClient
from nanodesk.errors import BrokerError, NanodeskError, NotConnectedError, visible

DEADLINE_S = 1.0
PATIENCE_S = 30.0
"""Of a loaded machine; a hang would be for ever."""
GROWTH_MIB = 100
MIB = bytes(1 << 20)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Hostile:
    """Listens; answers every connection with the pieces of ``script(request)`` until the other side has had enough."""

    def __init__(self, script):
        self.script, self.requests, self.sent, self.is_open = script, [], 0, True
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        connection.settimeout(20)
        try:
            with connection:
                while self.is_open:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        part = connection.recv(65536)
                        if not part:
                            return
                        request += part
                    self.requests.append(request)
                    for piece in self.script(request):
                        if not self.is_open:
                            return
                        connection.sendall(piece)
                        self.sent += len(piece)
        except OSError:
            return

    def close(self):
        self.is_open = False
        self.server.close()


@pytest.fixture
def hostile():
    open_ones = []

    def make(script):
        open_ones.append(Hostile(script))
        return open_ones[-1]

    yield make
    for one in open_ones:
        one.close()


@pytest.fixture
def loop():
    thread = EventLoopThread("hostile")
    thread.start()
    yield thread
    thread.stop()


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def slowly(pieces, pause_s=0.05):
    for piece in pieces:
        yield piece
        time.sleep(pause_s)


def endless(*pieces):
    return itertools.cycle(pieces)


def after(head, pieces):
    return itertools.chain([head], pieces)


ANSWERS = {
    "two gigabytes": lambda _: after(OK + b"Content-Length: 2147483648\r\n\r\n", endless(MIB)),
    "a length of 15 digits": lambda _: after(OK + b"Content-Length: 999999999999999\r\n\r\n", endless(MIB)),
    "a negative length": lambda _: [OK + b"Content-Length: -1\r\n\r\n"],
    "a length that is never met": lambda _: after(OK + b"Content-Length: 1000\r\n\r\nx", slowly(endless(b""))),
    "no length and no end": lambda _: after(OK + b"\r\n", endless(MIB)),
    "endless chunks": lambda _: after(CHUNKED, endless(b"100000\r\n", MIB, b"\r\n")),
    "endless chunks of one byte": lambda _: after(CHUNKED, endless(b"1\r\nx\r\n" * 4096)),
    "one chunk of four gigabytes": lambda _: after(CHUNKED + b"ffffffff\r\n", endless(MIB)),
    "endless trailers": lambda _: after(CHUNKED + b"0\r\n", endless(b"X: y\r\n" * 4096)),
    "an endless chunk head": lambda _: after(CHUNKED + b"1;", endless(MIB)),
    "a million headers": lambda _: after(OK, itertools.repeat(b"X: y\r\n" * 1000, 1000)),
    "an endless header": lambda _: after(OK + b"X: ", endless(MIB)),
    "an endless status line": lambda _: after(b"HTTP/1.1 200 ", endless(b"O" * 65536)),
    "endless interim answers": lambda _: endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a trickle": lambda _: after(OK + b"Content-Length: 900\r\n\r\n", slowly(endless(b"x"))),
    "a trickle of a head": lambda _: slowly(endless(b"H")),
    "silence": lambda _: slowly(endless(b"")),
    "both lengths": lambda _: [OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_http_answer_ends_in_one_error(hostile, loop, name):
    venue = hostile(ANSWERS[name])
    client = HttpClient(venue.url, loop=loop, deadline_s=DEADLINE_S)
    before, start = peak_mib(), time.monotonic()
    with pytest.raises(BrokerError) as caught:
        client.call(HttpRequest("GET", "/account?signature=" + "0a" * 32, "account"))
    assert time.monotonic() - start < PATIENCE_S
    assert peak_mib() - before < GROWTH_MIB
    assert "0a0a" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(bytes(1 << 24)), b"[" * 10**6, b'{"a":' * 10**6, b'{"a":1,"a":2}', b"NaN", b"1e999", b"9" * 10**6,
        b"\xff\xfe{}", b'"\xed\xa0\x80"', b"{}\x00", b'{"msg":"\x1b[2J"}', b"", b"<html>",
    ],
)  # fmt: skip
def test_a_body_that_is_no_sound_json_is_one_error(hostile, loop, body):
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    client = HttpClient(hostile(lambda _: [head + body]).url, loop=loop, deadline_s=10)
    before = peak_mib()
    answer = client.call(HttpRequest("GET", "/", "account"))
    with pytest.raises(BrokerError) as caught:
        parse_json(answer.body)
    assert len(str(caught.value)) < 200
    assert peak_mib() - before < GROWTH_MIB


class TestWhatIsNotFollowed:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_of_a_request_is_an_answer_like_any_other(self, hostile, loop, status):
        other = hostile(lambda _: [OK + b"Content-Length: 2\r\n\r\n{}"])
        venue = hostile(
            lambda _: [f"HTTP/1.1 {status} X\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n".encode()]
        )
        answer = HttpClient(venue.url, loop=loop, deadline_s=10).call(HttpRequest("POST", "/order", "new order"))
        assert answer.status == status
        assert other.requests == []

    @pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/", "/again"])
    def test_a_redirect_of_a_stream_is_refused(self, hostile, loop, location):
        other = hostile(lambda _: [OK + b"Content-Length: 0\r\n\r\n"])
        place = location.format(port=other.port)
        venue = hostile(lambda _: [f"HTTP/1.1 302 X\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()])
        socket_of = WebSocketClient(
            f"ws://127.0.0.1:{venue.port}/ws", on_message=print, on_open=nothing, on_lost=print, rng=Random(1)
        )
        with pytest.raises(NotConnectedError, match="redirect, which is not followed"):
            loop.run(socket_of.start(deadline_s=DEADLINE_S), timeout_s=10)
        assert other.requests == []
        assert not any(b"/again" in request for request in venue.requests)

    def test_cookies_are_not_kept(self, hostile, loop):
        venue = hostile(lambda _: [OK + b"Set-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\n{}"])
        client = HttpClient(venue.url, loop=loop, deadline_s=10)
        for _ in range(2):
            client.call(HttpRequest("GET", "/", "account"))
        assert len(venue.requests) == 2
        assert not any(b"ookie" in request for request in venue.requests)

    @pytest.mark.parametrize("extra", [b"x", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
    def test_bytes_that_nobody_asked_for_are_no_answer_to_the_next_order(self, hostile, loop, extra):
        whole = OK + b"Content-Length: 2\r\n\r\n{}"
        venue = hostile(lambda request: [whole + (extra if b"GET" in request else b"")])
        client = HttpClient(venue.url, loop=loop, deadline_s=10)
        assert client.call(HttpRequest("GET", "/", "account")).body == b"{}"
        answer = client.call(HttpRequest("POST", "/order", "new order"))
        assert (answer.status, answer.body) == (200, b"{}")


async def nothing():
    pass


def upgraded(request, pieces):
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    digest = hashlib.sha1(key.split(b": ")[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324  RFC 6455
    head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return after(head + base64.b64encode(digest) + b"\r\n\r\n", pieces)


FRAMES = {
    "a length of 2^63": after(b"\x81\x7f" + struct.pack("!Q", 1 << 63), endless(MIB)),
    "a length of 2^63 - 1": after(b"\x82\x7f" + struct.pack("!Q", (1 << 63) - 1), endless(MIB)),
    "a gigabyte": after(b"\x82\x7f" + struct.pack("!Q", 1 << 30), endless(MIB)),
    "endless fragments": after(b"\x02\x7e\xff\xff" + bytes(65535), endless(b"\x00\x7e\xff\xff" + bytes(65535))),
    "compressed without leave": [b"\xc1\x7e\x04\x00" + bytes(1024)],
    "a reserved kind": [b"\x83\x00"],
    "no text": [b"\x81\x02\xff\xfe"],
    "a long ping": [b"\x89\x7e\x10\x00" + bytes(4096)],
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_none_closes_the_stream_and_is_told(hostile, loop, name):
    lost, messages = [], []
    venue = hostile(lambda request: upgraded(request, iter(FRAMES[name])))
    client = WebSocketClient(
        f"ws://127.0.0.1:{venue.port}/", on_message=messages.append, on_open=nothing, on_lost=lost.append,
        rng=Random(1), first_wait_s=30,
    )  # fmt: skip
    before, start = peak_mib(), time.monotonic()
    loop.run(client.start(deadline_s=10), timeout_s=10)
    while not lost and time.monotonic() - start < PATIENCE_S:
        time.sleep(0.01)
    assert lost
    assert messages == []
    assert peak_mib() - before < GROWTH_MIB
    loop.run(client.stop(), timeout_s=10)


@pytest.mark.parametrize("name", ["a million headers", "an endless header", "silence", "two gigabytes"])
def test_a_handshake_that_is_none_ends_at_its_deadline(hostile, loop, name):
    venue = hostile(ANSWERS[name])
    client = WebSocketClient(
        f"ws://127.0.0.1:{venue.port}/", on_message=print, on_open=nothing, on_lost=print, rng=Random(1)
    )
    before = peak_mib()
    with pytest.raises(NotConnectedError):
        loop.run(client.start(deadline_s=DEADLINE_S), timeout_s=PATIENCE_S)
    assert peak_mib() - before < GROWTH_MIB


SHOUT = "no \x1b[2J\x1b]0;owned\x07 \u009b31m \u202egnihton \r credit"


class TestEscapeSequences:
    """What a venue gives as its reason is shown, and does nothing."""

    @pytest.mark.parametrize("venue_name", ["binance", "alpaca"])
    def test_of_a_refusal(self, hostile, venue_name, caplog):
        content = json.dumps({"code": -2010, "msg": SHOUT, "message": SHOUT}).encode()
        head = (
            f"HTTP/1.1 {400 if venue_name == 'binance' else 403} X\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        )
        url = hostile(lambda _: [head + content]).url
        stream = "ws" + url.removeprefix("http")
        if venue_name == "binance":
            broker = BinanceBroker(
                api_key=binance_venue.KEY, secret=binance_venue.SECRET, base_url=url, ws_api_url=stream,
                stream_url=stream, deadline_s=DEADLINE_S,
            )  # fmt: skip
        else:
            broker = AlpacaBroker(
                api_key=alpaca_venue.KEY, secret=alpaca_venue.SECRET, base_url=url, stream_url=stream, data_url=url,
                deadline_s=DEADLINE_S,
            )  # fmt: skip
        with caplog.at_level(logging.DEBUG), pytest.raises(NanodeskError) as caught:
            broker.connect()
        broker.disconnect()
        told = f"{caught.value} {caplog.text} {[vars(record) for record in caplog.records]}"
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert str(caught.value) == visible(str(caught.value))

    def test_on_the_terminal(self, capsys):
        from rich.table import Table

        from nanodesk.cli.output import note, print_error, print_json, print_whole, stdout_console

        table = Table("reason")
        table.add_row(SHOUT)
        print_whole(table)
        stdout_console().print(SHOUT, style="bold")
        note(SHOUT)
        print_json({"reason": SHOUT})
        print_error(SHOUT, [SHOUT], 1, as_json=True)
        out, err = capsys.readouterr()
        assert visible(out) == out
        assert visible(err) == err
        assert "\r" not in out + err
        assert out.count("\\u001b[2J") == 5
        assert "gnihton" in err

    def test_json_stays_json(self, capsys):
        from nanodesk.cli.output import print_json

        print_json({"reason": SHOUT})
        assert json.loads(capsys.readouterr().out) == {"reason": SHOUT}


HELLO = struct.pack("!I", 26) + b"178\x0020261120 10:00:00 UTC\x00"
GATEWAYS = {
    "a frame of two gigabytes": after(struct.pack("!I", 1 << 31), endless(MIB)),
    "a frame of 16 MiB": after(struct.pack("!I", 0xFFFFFF), endless(MIB)),
    "an empty frame": [struct.pack("!I", 0)],
    "a hello that is none": [struct.pack("!I", 4) + b"\xff\xfe\x00\x00"],
    "a trickle": slowly(endless(b"\x00")),
    "silence": slowly(endless(b"")),
    "a frame of two gigabytes after the hello": after(HELLO + struct.pack("!I", 1 << 31), endless(MIB)),
    "noise after the hello": after(HELLO, endless(struct.pack("!I", 8) + b"\xff" * 8)),
    "silence after the hello": after(HELLO, slowly(endless(b""))),
}


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_that_is_none_is_one_error(name):
    pytest.importorskip("ib_async")
    from nanodesk.brokers.ibkr.broker import IbkrBroker
    from nanodesk.brokers.ibkr.session import SessionTimes

    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(20)
                for piece in GATEWAYS[name]:
                    connection.sendall(piece)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    times = SessionTimes(connect_s=DEADLINE_S, request_s=DEADLINE_S)
    broker = IbkrBroker(port=server.getsockname()[1], client_id=1, account="DU123", times=times)
    before, start = peak_mib(), time.monotonic()
    with pytest.raises(BrokerError) as caught:
        broker.connect()
    server.close()
    broker.disconnect()
    assert time.monotonic() - start < PATIENCE_S
    assert peak_mib() - before < GROWTH_MIB
    assert len(str(caught.value)) < 300
