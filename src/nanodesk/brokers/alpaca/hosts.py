"""Which addresses, keys and accounts of Alpaca are real money, and the refusal to mix them with paper."""

from __future__ import annotations

from typing import Final

from nanodesk.brokers.http import Endpoint
from nanodesk.errors import BrokerError, ConfigError

PAPER_URLS: Final = (
    "https://paper-api.alpaca.markets",
    "wss://paper-api.alpaca.markets/stream",
    "https://data.alpaca.markets",
)
LIVE_URLS: Final = (
    "https://api.alpaca.markets",
    "wss://api.alpaca.markets/stream",
    "https://data.alpaca.markets",
)
_PLACES: Final = {"paper-api.alpaca.markets": "paper", "api.alpaca.markets": "live"}
_KEYS: Final = {"PK": "paper", "AK": "live"}
"""How the ids of keys begin."""

_PAPER_ACCOUNT: Final = "PA"
"""How the numbers of paper accounts begin; those of live accounts are digits."""


def require_agreement(base_url: str, stream_url: str, data_url: str, *, api_key: str, is_paper: bool) -> None:
    """Refuse addresses and a key that do not agree with the switch.

    Parameters
    ----------
    base_url, stream_url, data_url : str
        Trading, trade stream and market data.
    api_key : str
        Id of the key; only how it begins is looked at, and it is never told.
    is_paper : bool
        The switch: no real money.

    Raises
    ------
    ConfigError
        If one of them is not of the environment that the switch names.
    """
    endpoints = {
        "base_url": Endpoint.parse(base_url, field="base_url"),
        "stream_url": Endpoint.parse(stream_url, field="stream_url", schemes=("ws", "wss")),
        "data_url": Endpoint.parse(data_url, field="data_url"),
    }
    wanted = "paper" if is_paper else "live"
    places = {name: _place(endpoint) for name, endpoint in endpoints.items()}
    allowed = {"base_url": {wanted}, "stream_url": {wanted}, "data_url": {"data"}}
    wrong = [
        f"{name}: {endpoints[name].host} is {place}, but paper={is_paper}"
        for name, place in places.items()
        if place not in allowed[name] | ({"loopback"} if is_paper else set())
    ]
    if not wrong and len({place == "loopback" for place in places.values()}) > 1:
        wrong = ["base_url, stream_url and data_url lead to different environments"]
    if _KEYS.get(api_key[:2], wanted) != wanted:
        wrong.append(f"api_key: it is a {_KEYS[api_key[:2]]} key, but paper={is_paper}")
    if wrong:
        raise ConfigError("; ".join(wrong) + ". Name addresses and a key of one environment.", problems=wrong)


def _place(endpoint: Endpoint) -> str:
    if endpoint.is_loopback:
        return "loopback"
    return "data" if endpoint.host == "data.alpaca.markets" else _PLACES.get(endpoint.host, "unknown")


def require_account(account_number: str, *, is_paper: bool) -> None:
    """Refuse an account that does not agree with the switch.

    Parameters
    ----------
    account_number : str
        As the venue tells it.
    is_paper : bool
        The switch.

    Raises
    ------
    BrokerError
        If it is of the other kind.
    """
    if account_number.startswith(_PAPER_ACCOUNT) != is_paper:
        kind = "paper" if account_number.startswith(_PAPER_ACCOUNT) else "live"
        raise BrokerError(
            f"account={account_number!r} is a {kind} account, but paper={is_paper}.",
            field="paper",
            value=is_paper,
            allowed=f"paper={not is_paper} for this account",
            fix="Check key and switch; nothing was sent.",
        )
