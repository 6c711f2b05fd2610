"""Who may ask the Binance look-alike: key, signature and time of a request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from nanodesk.brokers.base import Clock
from nanodesk.venues.binance_spot.errors import SpotError, missing

LONGEST_WINDOW_MS: Final = 60_000
USUAL_WINDOW_MS: Final = 5_000
AHEAD_MS: Final = 1_000
"""How far a request's time may lie ahead of the venue's."""

MICROSECONDS_FROM: Final = 10**14
"""Times above are microseconds: as milliseconds they would lie past the year 5000."""

_WINDOW: Final = re.compile(r"[0-9]{1,8}(\.[0-9]{1,3})?")
_TIME: Final = re.compile(r"[0-9]{12,17}")

Verify = Callable[[bytes, str], bool]
"""Whether a signature belongs to a payload."""


def verifier_of(secret: str) -> Verify:
    """How signatures are checked.

    Parameters
    ----------
    secret : str
        HMAC secret, or an Ed25519 key (public or private) in PEM.

    Returns
    -------
    verify : callable
        Takes payload and signature.
    """
    if not secret.lstrip().startswith("-----BEGIN"):
        key = secret.encode()
        return lambda payload, signature: hmac.compare_digest(
            hmac.new(key, payload, hashlib.sha256).hexdigest().encode(), signature.lower().encode()
        )
    public = _public_key(secret)

    def verify(payload: bytes, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            public.verify(base64.b64decode(signature, validate=True), payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    return verify


def _public_key(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    if "PRIVATE" in pem:
        return load_pem_private_key(pem.encode(), password=None).public_key()
    return load_pem_public_key(pem.encode())


class SpotAuthority:
    """Checks requests for one key.

    Parameters
    ----------
    api_key : str
        The key that is known.
    secret : str
        HMAC secret or Ed25519 PEM.
    now_ns : callable
        The venue's clock.
    """

    def __init__(self, api_key: str, secret: str, now_ns: Clock) -> None:
        self._api_key = api_key
        self._verify = verifier_of(secret)
        self._now_ns = now_ns
        self.is_ed25519 = secret.lstrip().startswith("-----BEGIN")

    def require_key(self, api_key: str | None) -> None:
        """Check the key alone.

        Parameters
        ----------
        api_key : str or None
            As sent.

        Raises
        ------
        SpotError
            -2014 or -2015.
        """
        if not api_key:
            raise SpotError(-2014, "API-key format invalid.", status=401)
        if not hmac.compare_digest(api_key.encode(), self._api_key.encode()):
            raise SpotError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)

    def require(self, parameters: dict[str, str], payload: bytes, api_key: str | None) -> None:
        """Check key, signature and time, in this order.

        Parameters
        ----------
        parameters : dict of str to str
            Decoded.
        payload : bytes
            What was signed.
        api_key : str or None
            As sent.

        Raises
        ------
        SpotError
            -2014, -2015, -1102, -1022, -1131 or -1021.
        """
        self.require_key(api_key)
        if not parameters.get("timestamp"):
            raise missing("timestamp")
        if not parameters.get("signature"):
            raise missing("signature")
        if not self._verify(payload, parameters["signature"]):
            raise SpotError(-1022, "Signature for this request is not valid.")
        self.require_time(parameters)

    def require_time(self, parameters: dict[str, str]) -> None:
        """Check the time of a request.

        Parameters
        ----------
        parameters : dict of str to str
            Decoded.

        Raises
        ------
        SpotError
            -1100, -1131 or -1021.
        """
        window, sent = parameters.get("recvWindow", str(USUAL_WINDOW_MS)), parameters.get("timestamp", "")
        if not _WINDOW.fullmatch(window) or not _TIME.fullmatch(sent):
            name = "timestamp" if _WINDOW.fullmatch(window) else "recvWindow"
            raise SpotError(-1100, f"Illegal characters found in parameter '{name}'.")
        window_ns = int(Decimal(window) * 1_000_000)
        if window_ns > LONGEST_WINDOW_MS * 1_000_000:
            raise SpotError(-1131, f"recvWindow must be less than {LONGEST_WINDOW_MS}.")
        sent_ns = int(sent) * (1_000 if int(sent) > MICROSECONDS_FROM else 1_000_000)
        now_ns = self._now_ns()
        if sent_ns >= now_ns + AHEAD_MS * 1_000_000:
            raise SpotError(-1021, f"Timestamp for this request was {AHEAD_MS}ms ahead of the server's time.")
        # Times are whole milliseconds: one sent in this millisecond is not late.
        if now_ns - sent_ns > window_ns + (1_000_000 if int(sent) <= MICROSECONDS_FROM else 0):
            raise SpotError(-1021, "Timestamp for this request is outside of the recvWindow.")


def signed_part(text: str) -> str:
    """What of a query string or form was signed: all but the signature.

    Parameters
    ----------
    text : str
        As received.

    Returns
    -------
    payload : str
        The rest, byte for byte.

    Examples
    --------
    >>> signed_part("symbol=A%2FB&signature=00&timestamp=1")
    'symbol=A%2FB&timestamp=1'
    """
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
