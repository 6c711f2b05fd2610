"""Transport of the REST adapters against a peer that answers what the test says."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from nanodesk.brokers.base import OutcomeKind
from nanodesk.brokers.event_loop import EventLoopThread
from nanodesk.brokers.http import Endpoint, HttpClient, HttpRequest, lost_outcome
from nanodesk.brokers.http_connection import client_tls, parse_head
from nanodesk.errors import BrokerError, NotConnectedError, RateLimitedError, ValidationError
from secret_watch import marked

SECRET = marked("7f3a9c")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """A server that gives each connection the next script: a list of answers, or ``None`` to close on the request."""

    def __init__(self, *scripts):
        self.scripts, self.seen, self.accepted = list(scripts), [], 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.answer, args=(connection, self.scripts.pop(0)), daemon=True).start()

    def answer(self, connection, script):
        with connection:
            for answer in script:
                request = b""
                while b"\r\n\r\n" not in request:
                    part = connection.recv(65536)
                    if not part:
                        return
                    request += part
                self.seen.append(request)
                if answer is None:
                    return
                if isinstance(answer, float):
                    time.sleep(answer)
                    return
                connection.sendall(answer)


@pytest.fixture
def loop():
    thread = EventLoopThread("test")
    thread.start()
    yield thread
    thread.stop()


def client_of(peer, loop, **options):
    return HttpClient(f"http://127.0.0.1:{peer.port}", loop=loop, **{"deadline_s": 2.0, **options})


@contextlib.contextmanager
def tls_server(folder):
    """A peer that speaks TLS with a certificate of its own making."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "both.pem"
    file.write_bytes(key.private_bytes(*form) + made.sign(key, hashes.SHA256()).public_bytes(form[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError), server.accept()[0] as plain, context.wrap_socket(plain, True) as secret:
                secret.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def get(**fields):
    return HttpRequest("GET", "/x", "reading", **fields)


def post(**fields):
    return HttpRequest("POST", f"/order?signature={SECRET}", "new order", headers={"X-KEY": SECRET}, **fields)


class TestAnswers:
    def test_keeps_the_connection_and_sends_what_was_asked(self, loop):
        peer = Peer([OK, OK])
        client = client_of(peer, loop)
        assert client.call(get()).body == b"{}"
        assert client.call(post(body=b"a=1")).status == 200
        assert peer.accepted == 1
        assert peer.seen[0].startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"Content-Length: 3" in peer.seen[1]

    def test_reads_chunks_and_skips_interim_answers(self, loop):
        peer = Peer(
            [
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2;x=y\r\n{}\r\n1\r\n \r\n0\r\nTrailer: 1\r\n\r\n"
            ]
        )
        assert client_of(peer, loop).call(get()).body == b"{} "

    def test_reads_to_the_end_where_no_length_is_stated(self, loop):
        peer = Peer([b"HTTP/1.1 200 OK\r\n\r\n{}", None])
        peer.scripts[0] = [b"HTTP/1.0 200 OK\r\n\r\n{}"]
        assert client_of(peer, loop).call(get()).body == b"{}"

    @pytest.mark.parametrize(
        "answer",
        [
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 999 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx",
            b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
        ],
    )
    def test_refuses_what_is_no_answer(self, loop, answer):
        with pytest.raises(BrokerError) as caught:
            client_of(Peer([answer]), loop, max_body_bytes=1000).call(post())
        assert not isinstance(caught.value, NotConnectedError)
        assert lost_outcome(caught.value).kind is OutcomeKind.UNKNOWN


class TestWhatIsKnownAfterAFailure:
    def test_a_refused_connection_means_that_nothing_left(self, loop):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        client = HttpClient(f"http://127.0.0.1:{port}", loop=loop)
        with pytest.raises(NotConnectedError) as caught:
            client.call(post())
        outcome = lost_outcome(caught.value)
        assert (outcome.kind, outcome.code, outcome.may_retry) == (OutcomeKind.REFUSED, "NOT_SENT", True)

    def test_an_order_is_written_once(self, loop):
        peer = Peer([OK, None], [OK])
        client = client_of(peer, loop)
        client.call(get())
        with pytest.raises(BrokerError, match="new order request has no answer"):
            client.call(post())
        assert len(peer.seen) == 2

    def test_a_question_is_asked_again_when_its_kept_connection_was_closed(self, loop):
        peer = Peer([OK, None], [OK])
        client = client_of(peer, loop)
        client.call(get())
        assert client.call(get()).status == 200
        assert len(peer.seen) == 3

    def test_a_connection_closed_while_idle_is_seen_before_an_order_is_written(self, loop):
        peer = Peer([OK], [OK])
        client = client_of(peer, loop)
        client.call(get())
        time.sleep(0.05)
        assert client.call(post()).status == 200
        assert peer.accepted == 2

    @pytest.mark.parametrize("spare", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", OK, b"x"])
    @pytest.mark.parametrize("is_late", [False, True])
    def test_words_that_nobody_asked_for_are_not_the_answer_to_an_order(self, loop, spare, is_late):
        first = [OK, spare] if is_late else [OK + spare]
        peer = Peer(first, [b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"])
        client = client_of(peer, loop)
        client.call(get())
        if is_late:
            kept = client._idle[0]
            loop.run(asyncio.wait_for(self.until_spoken_to(kept, peer), 5), timeout_s=5)
        assert client.call(post()).status == 201
        assert peer.accepted == 2

    @staticmethod
    async def until_spoken_to(connection, peer):
        connection.writer.write(b"GET / HTTP/1.1\r\n\r\n")  # the peer's second answer then lies there unread
        while not connection.reader.unread:
            await asyncio.sleep(0.01)

    def test_a_name_that_cannot_be_resolved(self, loop, monkeypatch):
        def nowhere(*_args, **_options):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", nowhere)
        client = HttpClient("https://api.nowhere.invalid", loop=loop)
        with pytest.raises(
            NotConnectedError, match=r"nowhere\.invalid:443 cannot be reached: its name cannot be"
        ) as caught:
            client.call(post())
        assert lost_outcome(caught.value).code == "NOT_SENT"

    def test_a_certificate_that_nobody_vouches_for(self, loop, tmp_path):
        with tls_server(tmp_path) as port, pytest.raises(NotConnectedError) as caught:
            HttpClient(f"https://127.0.0.1:{port}", loop=loop).call(post())
        assert "its certificate is not valid (self-signed certificate)" in str(caught.value)
        assert lost_outcome(caught.value).code == "NOT_SENT"

    def test_a_peer_without_tls(self, loop):
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(
                target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), daemon=True
            ).start()
            client = HttpClient(f"https://127.0.0.1:{server.getsockname()[1]}", loop=loop)
            with pytest.raises(NotConnectedError, match=r"it does not speak TLS as it should"):
                client.call(post())

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"])
    def test_proxies_of_the_environment_are_not_used(self, loop, monkeypatch, name):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert client_of(Peer([OK]), loop).call(get()).status == 200

    def test_keys_of_connections_are_written_to_no_file(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        assert client_tls().keylog_filename is None
        assert client_tls().check_hostname

    def test_ipv6_of_this_machine(self, loop):
        try:
            server = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6")
        peer = Peer.__new__(Peer)
        peer.scripts, peer.seen, peer.accepted, peer.server = [[OK]], [], 0, server
        threading.Thread(target=peer.serve, daemon=True).start()
        client = HttpClient(f"http://[::1]:{server.getsockname()[1]}", loop=loop)
        assert client.call(get()).status == 200
        assert b"Host: [::1]:" in peer.seen[0]

    def test_silence_ends_at_the_deadline_with_an_unknown_outcome(self, loop):
        started_s = time.monotonic()
        with pytest.raises(BrokerError, match=r"no answer within 0\.2 s") as caught:
            client_of(Peer([5.0]), loop).call(post(), deadline_s=0.2)
        assert time.monotonic() - started_s < 4.0  # before the answer
        assert lost_outcome(caught.value).kind is OutcomeKind.UNKNOWN

    def test_a_rate_limit_is_a_refusal(self):
        assert lost_outcome(RateLimitedError("wait", retry_after_s=1.0)).may_retry

    def test_no_error_tells_a_secret(self, loop):
        for script in ([None], [b"HTTP/1.1 200 OK\r\nX: " + SECRET.encode() + b"\x00\r\n\r\n"], [5.0]):
            with pytest.raises(BrokerError) as caught:
                client_of(Peer(script), loop).call(post(), deadline_s=0.3)
            error = caught.value
            while error is not None:
                assert SECRET not in repr(error) + str(error.__dict__)
                error = error.__cause__ or error.__context__ if not error.__suppress_context__ else error.__cause__
        assert SECRET not in repr(post())


class TestSteps:
    def test_an_order_passes_every_step_in_order(self, loop):
        steps = []
        peer = Peer([OK])
        client_of(peer, loop).call(post(body=b"a=1", reached=steps.append))
        assert steps == ["send.connected", "send.half", "send.written", "reply.read"]

    def test_a_stop_half_way_leaves_half_of_the_request(self, loop):
        class StopError(Exception):
            pass

        def stop(step):
            if step == "send.half":
                raise StopError

        with pytest.raises(StopError):
            client_of(Peer([OK]), loop).call(post(reached=stop))


class TestEndpoint:
    @pytest.mark.parametrize(
        "url",
        [
            "http://api.binance.com",
            "ftp://127.0.0.1",
            "https://user:pass@api.binance.com",
            "https://api.binance.com?x=1",
            "https://",
            "https://a b",
            "https://host:99999",
            "",
        ],
    )
    def test_refuses_plain_text_to_the_world_and_what_is_no_address(self, url):
        with pytest.raises(ValidationError):
            Endpoint.parse(url, field="base_url")

    def test_header_injection_is_refused(self, loop):
        with pytest.raises(ValidationError):
            client_of(Peer([OK]), loop).call(HttpRequest("GET", "/x HTTP/1.1\r\nX: y", "reading"))


def test_parse_head_joins_repeated_headers():
    assert parse_head(b"HTTP/1.1 429 Slow\r\nA: 1\r\na:2 \r\n\r\n") == (429, {"a": "1, 2"})


class TestEventLoopThread:
    def test_stops_twice_and_refuses_after(self):
        thread = EventLoopThread("test")
        thread.start()
        thread.start()
        thread.stop()
        thread.stop()
        with pytest.raises(NotConnectedError):
            thread.run(asyncio.sleep(0), timeout_s=1.0)

    def test_work_that_overstays_is_given_up(self):
        thread = EventLoopThread("test")
        thread.start()
        with pytest.raises(BrokerError, match="No result"):
            thread.run(asyncio.sleep(60), timeout_s=-0.9)
        thread.stop()
