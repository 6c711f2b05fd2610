"""Which addresses are real money, which are the testnet, and the refusal to mix them."""

from __future__ import annotations

from enum import Enum, unique
from typing import Final

from nanodesk.brokers.http import Endpoint
from nanodesk.errors import ConfigError


@unique
class Environment(Enum):
    """Where an address leads."""

    LIVE = "live"
    TESTNET = "testnet"
    LOOPBACK = "loopback"
    UNKNOWN = "unknown"


LIVE_URLS: Final = (
    "https://api.binance.com",
    "wss://ws-api.binance.com:443/ws-api/v3",
    "wss://stream.binance.com:9443",
)
TESTNET_URLS: Final = (
    "https://testnet.binance.vision",
    "wss://ws-api.testnet.binance.vision/ws-api/v3",
    "wss://stream.testnet.binance.vision",
)
_LIVE_SUFFIXES: Final = (".binance.com", ".binance.us")


def environment_of(endpoint: Endpoint) -> Environment:
    """Where an address leads.

    Parameters
    ----------
    endpoint : Endpoint
        The address.

    Returns
    -------
    environment : Environment
        By its host alone.
    """
    if endpoint.is_loopback:
        return Environment.LOOPBACK
    if endpoint.host.endswith("testnet.binance.vision"):
        return Environment.TESTNET
    return Environment.LIVE if endpoint.host.endswith(_LIVE_SUFFIXES) else Environment.UNKNOWN


def require_agreement(base_url: str, ws_api_url: str, stream_url: str, *, is_testnet: bool) -> tuple[Endpoint, ...]:
    """Refuse a set of addresses that does not agree with the switch.

    Parameters
    ----------
    base_url, ws_api_url, stream_url : str
        REST, WebSocket API and market streams.
    is_testnet : bool
        The switch: no real money.

    Returns
    -------
    endpoints : tuple of Endpoint
        The three, checked.

    Raises
    ------
    ConfigError
        If an address is not of the environment that the switch names.
    """
    endpoints = (
        Endpoint.parse(base_url, field="base_url"),
        Endpoint.parse(ws_api_url, field="ws_api_url", schemes=("ws", "wss")),
        Endpoint.parse(stream_url, field="stream_url", schemes=("ws", "wss")),
    )
    allowed = (Environment.TESTNET, Environment.LOOPBACK) if is_testnet else (Environment.LIVE,)
    found = [environment_of(endpoint) for endpoint in endpoints]
    wrong = [
        f"{name}: {endpoint.host} is {place.value}, but testnet={is_testnet}"
        for name, endpoint, place in zip(("base_url", "ws_api_url", "stream_url"), endpoints, found, strict=True)
        if place not in allowed
    ]
    if not wrong and len(set(found)) > 1:
        wrong = ["base_url, ws_api_url and stream_url lead to different environments"]
    if wrong:
        raise ConfigError("; ".join(wrong) + ". Name addresses of one environment.", problems=wrong)
    return endpoints
