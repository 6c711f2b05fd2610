"""Calls of Alpaca's REST interfaces, within their limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from nanodesk.brokers.alpaca.refusal import raise_for
from nanodesk.brokers.base import Clock, Reached
from nanodesk.brokers.credentials import Secret, as_secret
from nanodesk.brokers.http import HttpClient, HttpRequest
from nanodesk.brokers.rate_governor import RateGovernor, retry_after, wait_for_room
from nanodesk.brokers.strict_json import parse_json
from nanodesk.errors import BrokerError

REQUESTS: Final = "REQUESTS"
_WINDOW_S: Final = 60
_USUAL_LIMIT: Final = 200
_SPARE_FRAC: Final = 0.05
"""Part of the venue's limit that is left alone: other programs of the account count too."""

_LONGEST_WAIT_S: Final = 120.0
READING_PATIENCE_S: Final = 65.0
"""A question waits for the next window of a minute, which a run of a hundred names needs more than one of."""


class AlpacaRest:
    """One of the two interfaces (trading, market data), with its own limit.

    Parameters
    ----------
    http : HttpClient
        Transport.
    api_key : str
        The public half of the key.
    secret : Secret or str
        The other half; kept hidden, and revealed into each request.
    now_ns : callable
        Our wall clock.
    patience_s : float, default 5
        Longest wait of an order or a cancel for room in the limits.
    reading_patience_s : float, default 65
        The same of a question, for a refused one ends a whole run; but what an answer 429 asks to wait is not waited
        for longer than `patience_s`.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        api_key: str,
        secret: Secret | str,
        now_ns: Clock,
        patience_s: float = 5.0,
        reading_patience_s: float = READING_PATIENCE_S,
    ) -> None:
        self._http = http
        self._api_key, self._secret = api_key, as_secret(secret, name="secret")
        self._now_ns = now_ns
        self._patience_s = patience_s
        self._reading_patience_s = reading_patience_s
        self._refused_until_s = 0.0
        self.governor = RateGovernor(self._now_s)
        self.governor.set_limit(REQUESTS, _WINDOW_S, _USUAL_LIMIT)

    def _keys(self) -> dict[str, str]:
        return {"APCA-API-KEY-ID": self._api_key, "APCA-API-SECRET-KEY": self._secret.reveal()}

    def _now_s(self) -> float:
        return self._now_ns() / 1e9

    async def read(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Ask for something.

        Parameters
        ----------
        path : str
            Below ``/v2/``, percent-encoded.
        parameters : mapping of str to str, optional
            Of the question.

        Returns
        -------
        answer : object
            Content of the answer.

        Raises
        ------
        BrokerError
            If the venue cannot be asked, refuses, or its answer cannot be read.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        return await self._call(
            HttpRequest("GET", f"/v2/{path}{query}", f"GET {_label(path)}", headers=self._keys()),
            until_s=asyncio.get_running_loop().time() + self._reading_patience_s,
        )

    async def request(
        self, method: str, path: str, body: Mapping[str, str] | None, *, reached: Reached, until_s: float | None = None
    ) -> Any:
        """Ask for a change; never sent twice.

        Parameters
        ----------
        method : str
            ``POST``, ``PATCH`` or ``DELETE``.
        path : str
            Below ``/v2/``.
        body : mapping of str to str or None
            Content.
        reached : callable
            Told the steps of sending.
        until_s : float, optional
            Instant of the loop's clock to which to wait for room in the limits.

        Returns
        -------
        answer : object
            Content of the answer, ``None`` where it is empty.

        Raises
        ------
        BrokerError
            Of the kinds of :mod:`nanodesk.brokers.alpaca.refusal`.
        """
        content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = self._keys() if body is None else {**self._keys(), "Content-Type": "application/json"}
        label = f"{method} {_label(path)}"
        return await self._call(
            HttpRequest(method, f"/v2/{path}", label, headers=headers, body=content, reached=reached), until_s=until_s
        )

    async def _call(self, request: HttpRequest, *, until_s: float | None = None) -> Any:
        await self._wait_for_room(until_s)
        try:
            answer = await self._http.send(request)
        finally:
            self.governor.answered({REQUESTS: 1})
        wait_s = self._observe(answer.headers, is_refused=answer.status == 429)
        try:
            content = parse_json(answer.body, what=f"answer to {request.label}") if answer.body else None
        except BrokerError:
            if answer.status < 300:
                raise
            content = None
        raise_for(answer.status, content, retry_after_s=wait_s)
        return content

    async def _wait_for_room(self, until_s: float | None) -> None:
        deadline = self.patient_until() if until_s is None else until_s
        while True:
            left_s = max(deadline - asyncio.get_running_loop().time(), 0.0)
            if self._refused_until_s - self._now_s() > self._patience_s:
                left_s = min(left_s, self._patience_s)
            wait_s = self.governor.require_room({REQUESTS: 1}, patience_s=left_s)
            if wait_s <= 0.0:
                self.governor.take({REQUESTS: 1})
                return
            await wait_for_room(wait_s)

    def patient_until(self) -> float:
        """Instant of the loop's clock to which a request that begins now waits for room."""
        return asyncio.get_running_loop().time() + self._patience_s

    def _observe(self, headers: Mapping[str, str], *, is_refused: bool) -> float:
        """Believe what the venue counts; the wait that it asks for."""
        limit, left = _whole(headers.get("x-ratelimit-limit")), _whole(headers.get("x-ratelimit-remaining"))
        reset = _whole(headers.get("x-ratelimit-reset"))
        until_reset_s = min(max(reset - self._now_s(), 0.0), _LONGEST_WAIT_S) if reset is not None else 1.0
        if limit and left is not None:
            self.governor.set_limit(REQUESTS, _WINDOW_S, limit)
            if left <= limit * _SPARE_FRAC and reset is not None:
                # The venue's minute is not the clock's: what is left now has to last until it says so, and no longer.
                self.governor.stop_for(until_reset_s)
            else:
                self.governor.believe(REQUESTS, _WINDOW_S, max(limit - left, 0))
        if not is_refused:
            return 0.0
        asked = headers.get("retry-after")
        wait_s = max(retry_after(asked, is_ban=False) if asked else until_reset_s, 1.0)
        self.governor.stop_for(wait_s)
        self._refused_until_s = self._now_s() + wait_s
        return wait_s


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 13 else None


def _label(path: str) -> str:
    # Ids and symbols stay out of labels, which go into errors and audit names.
    first, _, rest = path.partition("/")
    return f"{first}/..." if rest and first in ("orders", "positions", "assets") else path.split("?")[0]
