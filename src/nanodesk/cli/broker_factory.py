"""Brokers by name: what a configuration means as an adapter, loaded only when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanodesk.cli.log_lines import hide
from nanodesk.errors import ConfigError
from nanodesk.rebalance.startup_checks import is_loopback

if TYPE_CHECKING:
    from nanodesk.brokers.base import Broker
    from nanodesk.brokers.credentials import Secret
    from nanodesk.rebalance.config import Connection, TradingConfig

PAPER_STATE = "paper-account.jsonl"
ORDER_IDS = "ibkr-order-ids.json"


def make_broker(
    config: TradingConfig,
    environ: Mapping[str, str],
    *,
    reached: Callable[[str], None],
    paper_market: Any = None,
    sleep: Callable[[float], None] = time.sleep,
    reads_only: bool = False,
) -> Broker:
    """The adapter that a configuration names, not yet connected.

    Parameters
    ----------
    config : TradingConfig
        Checked.
    environ : mapping of str to str
        Where secrets may be.
    reached : callable
        Told of steps.
    paper_market : PaperMarket, optional
        For the paper broker, instead of a quotes file.
    sleep : callable, default time.sleep
        How the paper broker waits.
    reads_only : bool, default False
        Whether a paper account is only looked at, which another process may trade meanwhile.

    Returns
    -------
    broker : Broker
        Ready for ``connect``.

    Raises
    ------
    ConfigError
        If something that the adapter needs is not named, or a secret is not found.
    """
    kind = config.connection.broker
    if kind == "paper":
        return _paper(config, reached, paper_market, sleep, reads_only=reads_only)
    makers = {"ibkr": _ibkr, "binance": _binance, "alpaca": _alpaca}
    return makers[kind](config, environ, reached)


def _missing(key: str, what: str) -> ConfigError:
    message = f"connection.{key}: {what}"
    return ConfigError(message, problems=[message])


def _paper(
    config: TradingConfig,
    reached: Callable[[str], None],
    market: Any,
    sleep: Callable[[float], None],
    *,
    reads_only: bool,
) -> Broker:
    from nanodesk.rebalance.standing_quotes import StandingQuotesBroker

    account = config.account.id or "PAPER"
    if market is None:
        if config.connection.quotes is None:
            raise _missing("quotes", "the paper broker needs a quotes file; name it, or give --quotes FILE")
        market = _quoted_market(Path(config.connection.quotes), config, account)
    state = Path(config.logging.dir) / PAPER_STATE
    kept = None if reads_only and not state.exists() else state
    return StandingQuotesBroker(
        market, account_id=account, state_path=kept, reads_only=reads_only, reached=reached, sleep=sleep
    )


def _quoted_market(path: Path, config: TradingConfig, account: str) -> Any:
    from nanodesk.brokers.paper.market import PaperMarket
    from nanodesk.brokers.paper.quotes import read_quotes

    file = read_quotes(path)
    return PaperMarket(
        file.rules,
        quotes=file.quotes,
        cash_e9={file.currency: file.cash_e9},
        account_id=account,
        holdings_e9=file.holdings_e9,
        leverage=1 if config.account.type == "cash" else 2,
        fees=paper_fees(config),
    )


def paper_fees(config: TradingConfig) -> Any:
    """What the paper market charges: the commissions of ``[cost]``.

    Parameters
    ----------
    config : TradingConfig
        Any.

    Returns
    -------
    fees : Fees
        In exact amounts.
    """
    from nanodesk.brokers.paper.values import Fees

    cost = config.cost.model()
    return Fees(cost.commission_e9_frac, cost.commission_e9_frac, cost.per_unit_e9, cost.minimum_e9)


def _secret(connection: Connection, key: str, environ: Mapping[str, str]) -> Secret:
    from nanodesk.brokers.credentials import load_secret

    name = getattr(connection, key)
    if name is None and is_loopback(connection):
        return _of_the_loopback_venue(key)
    if name is None:
        raise _missing(key, "name the secret: its environment variable, keyring user or file in secrets_dir")
    path = Path(connection.secrets_dir) / name if connection.secrets_dir else None
    _leave_no_core_dump()
    secret = load_secret(name, keyring_service=connection.keyring_service, path=path, environ=environ)
    # Both halves may end in a header; only a private key of several lines may hold more.
    if not secret.reveal().isprintable() and not secret.reveal().startswith("-----BEGIN "):
        message = f"connection.{key}: {name} holds a line break or another control character; store it again"
        raise ConfigError(message, problems=[message])
    hide(secret)
    return secret


def _leave_no_core_dump() -> None:
    """From here on memory holds a secret; a crash of a compiled library must not write it to disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _of_the_loopback_venue(key: str) -> Secret:
    """What `nanodesk venue` takes: no secret, for it protects nothing."""
    from nanodesk.brokers.credentials import Secret
    from nanodesk.venues.server import VenueOptions

    said = VenueOptions()
    return Secret(said.api_key if key == "api_key_env" else said.api_secret, name=key)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _as_websocket(url: str | None, path: str) -> str | None:
    return None if url is None else "ws" + url.rstrip("/").removeprefix("http") + path


def _adapter(module: str, name: str) -> Callable[..., Broker]:
    """An adapter's class; its module brings the vendor's packages, so it is loaded by name and last."""
    adapter: Callable[..., Broker] = getattr(import_module(f"nanodesk.brokers.{module}"), name)
    return adapter


def _binance(config: TradingConfig, environ: Mapping[str, str], reached: Callable[[str], None]) -> Broker:
    connection = config.connection
    url = connection.base_url
    return _adapter("binance", "BinanceBroker")(
        api_key=_secret(connection, "api_key_env", environ),
        secret=_secret(connection, "api_secret_env", environ),
        testnet=connection.mode == "paper",
        quote_asset=connection.quote_asset,
        deadline_s=connection.timeout_secs,
        reached=reached,
        **_given(
            base_url=url,
            ws_api_url=connection.ws_api_url or _as_websocket(url, "/ws-api/v3"),
            stream_url=connection.stream_url or _as_websocket(url, ""),
        ),
    )


def _alpaca(config: TradingConfig, environ: Mapping[str, str], reached: Callable[[str], None]) -> Broker:
    connection = config.connection
    url = connection.base_url
    return _adapter("alpaca", "AlpacaBroker")(
        api_key=_secret(connection, "api_key_env", environ),
        secret=_secret(connection, "api_secret_env", environ),
        paper=connection.mode == "paper",
        deadline_s=connection.timeout_secs,
        reached=reached,
        **_given(
            base_url=url,
            stream_url=connection.stream_url or _as_websocket(url, "/stream"),
            data_url=connection.data_url or url,
        ),
    )


def _ibkr(config: TradingConfig, _environ: Mapping[str, str], reached: Callable[[str], None]) -> Broker:
    connection = config.connection
    times = import_module("nanodesk.brokers.ibkr.session").SessionTimes
    usual = 4002 if connection.mode == "paper" else 4001
    return _adapter("ibkr", "IbkrBroker")(
        host=connection.host,
        port=connection.port or usual,
        client_id=connection.client_id,
        account=config.account.id,
        mode=connection.mode,
        allow_remote_host=connection.allow_remote_host,
        times=times(connect_s=connection.timeout_secs, request_s=connection.timeout_secs),
        order_id_path=Path(config.logging.dir) / ORDER_IDS,
        reached=reached,
    )
