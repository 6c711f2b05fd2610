"""Signed and unsigned calls of Binance's REST interface, within its limits and on its clock."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from nanodesk.brokers.base import Clock, Reached
from nanodesk.brokers.binance.pairs import RateLimit
from nanodesk.brokers.binance.refusal import BinanceRefusal, raise_for
from nanodesk.brokers.binance.signing import Parameter, Signer, encode_parameters, websocket_payload
from nanodesk.brokers.fields import Fields
from nanodesk.brokers.http import HttpClient, HttpRequest
from nanodesk.brokers.rate_governor import RateGovernor, retry_after, used_from_headers, wait_for_room
from nanodesk.brokers.strict_json import parse_json
from nanodesk.brokers.venue_clock import VenueClock
from nanodesk.errors import BrokerError

CLOCK_WRONG: Final = -1021
READING_PATIENCE_S: Final = 65.0
"""A question waits for the next window of a minute: reading the fills of a hundred pairs is a third of one."""
MS: Final = 1_000_000


class BinanceRest:
    """The REST interface for one key.

    Parameters
    ----------
    http : HttpClient
        Transport.
    api_key : str
        The public half of the key.
    signer : Signer
        The secret half.
    governor : RateGovernor
        Limits.
    clock : VenueClock
        The venue's time.
    now_ns : callable
        Our wall clock.
    recv_window_ms : int
        How long after its time a request may be accepted.
    patience_s : float, default 5
        Longest wait of an order, a cancel or a measurement of the clock for room in the limits.
    reading_patience_s : float, default 65
        The same of a question, for a refused one ends a whole run; but what the venue itself asks to wait is not
        waited for longer than `patience_s`.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        api_key: str,
        signer: Signer,
        governor: RateGovernor,
        clock: VenueClock,
        now_ns: Clock,
        recv_window_ms: int,
        patience_s: float = 5.0,
        reading_patience_s: float = READING_PATIENCE_S,
    ) -> None:
        self._http = http
        self._api_key = api_key
        self._signer = signer
        self.governor = governor
        self.clock = clock
        self._now_ns = now_ns
        self._recv_window_ms = recv_window_ms
        self._patience_s = patience_s
        self._reading_patience_s = reading_patience_s

    async def read(
        self,
        path: str,
        parameters: dict[str, Parameter] | None = None,
        *,
        weight: int,
        is_signed: bool = True,
        patience_s: float | None = None,
    ) -> Any:
        """Ask for something.

        Parameters
        ----------
        path : str
            Below ``/api/v3/``.
        parameters : dict of str to object, optional
            Of the question.
        weight : int
            What it counts.
        is_signed : bool, default True
            Whether it is about the account.
        patience_s : float, optional
            Longest wait for room in the limits; that of questions without it.

        Returns
        -------
        answer : object
            Content of the answer.

        Raises
        ------
        BrokerError
            If the venue cannot be asked, refuses, or its answer cannot be read.
        """
        waits_s = self._reading_patience_s if patience_s is None else patience_s
        try:
            return await self._call(
                "GET", path, parameters or {}, weight=weight, is_signed=is_signed, patience_s=waits_s
            )
        except BinanceRefusal as refusal:
            if refusal.code != CLOCK_WRONG or not is_signed:
                raise
        await self.measure_clock()
        return await self._call("GET", path, parameters or {}, weight=weight, is_signed=True, patience_s=waits_s)

    async def request(
        self, method: str, path: str, parameters: dict[str, Parameter], *, counts: dict[str, int], reached: Reached
    ) -> Any:
        """Ask for a change; never sent twice.

        Parameters
        ----------
        method : str
            ``POST``, ``PUT`` or ``DELETE``.
        path : str
            Below ``/api/v3/``.
        parameters : dict of str to object
            Of the request.
        counts : dict of str to int
            What it counts, by kind of limit.
        reached : callable
            Told the steps of sending.

        Returns
        -------
        answer : object
            Content of the answer.

        Raises
        ------
        BrokerError
            Of the kinds of :mod:`nanodesk.brokers.binance.refusal`.
        """
        await self.require_clock()
        try:
            return await self._call(
                method,
                path,
                parameters,
                weight=counts.get("REQUEST_WEIGHT", 1),
                orders=counts.get("ORDERS", 0),
                is_signed=True,
                reached=reached,
            )
        except BinanceRefusal as refusal:
            self.note_refusal(refusal)
            raise

    async def require_clock(self) -> None:
        """Measure the clock again if it was never measured, found wrong, or ours was set since."""
        if self.clock.has_stepped(self._recv_window_ms * MS // 4) or not self.clock.is_measured:
            await self.measure_clock()

    def note_refusal(self, refusal: BinanceRefusal) -> None:
        """Learn from a refusal: when the venue calls our time wrong, the next request measures it first.

        Parameters
        ----------
        refusal : BinanceRefusal
            Of any request.
        """
        if refusal.code == CLOCK_WRONG:
            self.clock.forget()

    async def measure_clock(self, *, samples: int = 3) -> None:
        """Measure the offset between the venue's clock and ours.

        Parameters
        ----------
        samples : int, default 3
            How often to ask; the shortest round trip counts.
        """
        self.clock.forget()
        for _ in range(samples):
            sent_ns = self._now_ns()
            answer = await self.read("time", weight=1, is_signed=False, patience_s=self._patience_s)
            self.clock.measured(
                sent_ns=sent_ns,
                received_ns=self._now_ns(),
                venue_ns=Fields(answer, "time").integer("serverTime") * MS,
            )

    async def _call(
        self,
        method: str,
        path: str,
        parameters: dict[str, Parameter],
        *,
        weight: int,
        orders: int = 0,
        is_signed: bool,
        reached: Reached | None = None,
        patience_s: float | None = None,
    ) -> Any:
        amounts = {"REQUEST_WEIGHT": weight, "ORDERS": orders, "RAW_REQUESTS": 1}
        await self.wait_for_room(amounts, until_s=None if patience_s is None else _now_s() + patience_s)
        query = self._signed(parameters) if is_signed else encode_parameters(parameters)
        label = f"{method} {path}"
        try:
            answer = await self._http.send(
                HttpRequest(
                    method,
                    f"/api/v3/{path}?{query}" if query else f"/api/v3/{path}",
                    label,
                    headers={"X-MBX-APIKEY": self._api_key} if is_signed else {},
                    reached=reached,
                )
            )
        finally:
            self.governor.answered(amounts)
        for kind, interval_s, used in used_from_headers(answer.headers.items()):
            self.governor.believe(kind, interval_s, used)
        wait_s = 0.0
        if answer.status in (418, 429):
            wait_s = retry_after(answer.headers.get("retry-after"), is_ban=answer.status == 418)
            self.governor.stop_for(wait_s)
        try:
            content = parse_json(answer.body, what=f"answer to {label}") if answer.body else None
        except BrokerError:
            if answer.status == 200:
                raise
            content = None
        raise_for(answer.status, content, retry_after_s=wait_s)
        return content

    async def wait_for_room(self, amounts: dict[str, int], *, until_s: float | None = None) -> None:
        """Wait until a request fits into the limits, and count it.

        Parameters
        ----------
        amounts : dict of str to int
            What it counts, by kind.
        until_s : float, optional
            Instant of the loop's clock to which to wait; our patience from now on without it.

        Raises
        ------
        RateLimitedError
            If the wait is longer than our patience; nothing was sent.
        """
        deadline = self.patient_until() if until_s is None else until_s
        while True:
            left_s = max(deadline - _now_s(), 0.0)
            if self.governor.stopped_for() > self._patience_s:
                left_s = min(left_s, self._patience_s)
            wait_s = self.governor.require_room(amounts, patience_s=left_s)
            if wait_s <= 0.0:
                self.governor.take(amounts)
                return
            await wait_for_room(wait_s)

    def patient_until(self) -> float:
        """Instant of the loop's clock to which a request that begins now waits for room."""
        return _now_s() + self._patience_s

    def observe(self, limits: tuple[RateLimit, ...]) -> None:
        """Take over counts that came beside an answer of the WebSocket API.

        Parameters
        ----------
        limits : tuple of RateLimit
            With counts.
        """
        for limit in limits:
            self.governor.believe(limit.kind, limit.interval_s, limit.count)

    def signed_message(self, parameters: dict[str, Parameter]) -> dict[str, Parameter]:
        """Parameters of a WebSocket request with key, time and signature.

        Parameters
        ----------
        parameters : dict of str to object
            Of the request.

        Returns
        -------
        parameters : dict of str to object
            Complete.
        """
        whole = {**parameters, "apiKey": self._api_key, **self._timing()}
        return {**whole, "signature": self._signer.sign(websocket_payload(whole))}

    def _signed(self, parameters: dict[str, Parameter]) -> str:
        query = encode_parameters({**parameters, **self._timing()})
        return f"{query}&{encode_parameters({'signature': self._signer.sign(query)})}"

    def _timing(self) -> dict[str, Parameter]:
        return {"recvWindow": self._recv_window_ms, "timestamp": self.clock.now_ns() // MS}


def _now_s() -> float:
    return asyncio.get_running_loop().time()
