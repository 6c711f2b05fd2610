"""Signatures of Binance requests: HMAC-SHA256 and Ed25519.

Over REST the percent-encoded parameters are signed, in the order sent; over the WebSocket API the plain ones, sorted
by name. The two differ as soon as a symbol is not ASCII.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from nanodesk.errors import MissingExtraError, ValidationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Parameter = str | int | bool
"""What a parameter of a request may be; amounts are text already."""


class Signer(Protocol):
    """Signs what a request says."""

    @property
    def may_log_on(self) -> bool:
        """Whether ``session.logon`` takes this kind of key."""

    def sign(self, payload: str) -> str:
        """Signature of a payload.

        Parameters
        ----------
        payload : str
            What the venue signs too.

        Returns
        -------
        signature : str
            Hexadecimal or base64, not yet percent-encoded.
        """


class HmacSigner:
    """HMAC-SHA256 with a shared secret.

    Parameters
    ----------
    secret : str
        The secret of the key.
    """

    may_log_on = False

    def __init__(self, secret: str) -> None:
        self._start = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, payload: str) -> str:
        """Signature of a payload.

        Parameters
        ----------
        payload : str
            What the venue signs too.

        Returns
        -------
        signature : str
            64 hexadecimal digits.
        """
        running = self._start.copy()
        running.update(payload.encode())
        return running.hexdigest()


class Ed25519Signer:
    """Ed25519 with a private key that never leaves this machine.

    Parameters
    ----------
    pem : str
        The key in PKCS #8 PEM, without a password.

    Raises
    ------
    ValidationError
        If it is no such key.
    MissingExtraError
        If ``cryptography`` is not installed.
    """

    may_log_on = True

    def __init__(self, pem: str) -> None:
        self._key = _private_key(pem)

    def sign(self, payload: str) -> str:
        """Signature of a payload.

        Parameters
        ----------
        payload : str
            What the venue signs too.

        Returns
        -------
        signature : str
            Base64.
        """
        return base64.b64encode(self._key.sign(payload.encode())).decode("ascii")


def signer_of(secret: str) -> Signer:
    """The signer that a secret asks for.

    Parameters
    ----------
    secret : str
        HMAC secret, or an Ed25519 private key in PEM.

    Returns
    -------
    signer : Signer
        Ready to sign.

    Raises
    ------
    ValidationError
        If the secret is empty or a PEM of another kind.
    MissingExtraError
        If a PEM is given and ``cryptography`` is not installed.

    Examples
    --------
    >>> signer_of("secret").sign("symbol=BTCUSDT&timestamp=1")[:16]
    'ef9d3d77a34d9a13'
    """
    if not secret or not secret.isascii():
        raise ValidationError("The secret is empty or no ASCII text.", field="secret", allowed="HMAC secret or PEM")
    return Ed25519Signer(secret) if secret.lstrip().startswith("-----BEGIN") else HmacSigner(secret)


def encode_parameters(parameters: Mapping[str, Parameter]) -> str:
    """Parameters as a query string: percent-encoded UTF-8, in the order given.

    Parameters
    ----------
    parameters : mapping of str to str, int or bool
        Names and values.

    Returns
    -------
    query : str
        What is signed and sent, byte for byte.

    Examples
    --------
    >>> encode_parameters({"symbol": "币安USDT", "isIsolated": True, "note": "a/b c"})
    'symbol=%E5%B8%81%E5%AE%89USDT&isIsolated=true&note=a%2Fb%20c'
    """
    return "&".join(f"{name}={quote(_text(value), safe='')}" for name, value in parameters.items())


def websocket_payload(parameters: Mapping[str, Parameter]) -> str:
    """What is signed of a WebSocket request: ``name=value`` sorted by name, as UTF-8 and not percent-encoded.

    Parameters
    ----------
    parameters : mapping of str to str, int or bool
        Names and values without the signature.

    Returns
    -------
    payload : str
        What is signed.

    Examples
    --------
    >>> websocket_payload({"timestamp": 1, "symbol": "币安USDT"})
    'symbol=币安USDT&timestamp=1'
    """
    return "&".join(f"{name}={_text(parameters[name])}" for name in sorted(parameters))


def _text(value: Parameter) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _private_key(pem: str) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise MissingExtraError("cryptography is not installed.", fix="Run pip install nanodesk[live].") from error
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValidationError(
            "The private key cannot be read.", field="secret", allowed="Ed25519 in PKCS #8 PEM without a password"
        )
    return key
