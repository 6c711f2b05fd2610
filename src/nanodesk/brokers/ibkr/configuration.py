"""Host, port, account and mode of Interactive Brokers: what contradicts itself is refused before anything is sent."""

from __future__ import annotations

import ipaddress
from typing import Final

from nanodesk.errors import ConfigError

LIVE_PORTS: Final = (4001, 7496)
PAPER_PORTS: Final = (4002, 7497)
"""Ports that IB Gateway and TWS propose for each kind of account."""

PAPER_PREFIX: Final = "D"
"""Accounts of paper trading start with ``DU`` (or ``DF``, ``DI`` for advisors); live ones do not start with D."""


def check_configuration(host: str, port: int, client_id: int, account: str, mode: str, allow_remote_host: bool) -> None:
    """Refuse what contradicts itself.

    Parameters
    ----------
    host : str
        Where the gateway runs.
    port, client_id : int
        Where it listens, and as whom.
    account, mode : str
        Whose orders, and ``paper`` or ``live``.
    allow_remote_host : bool
        Whether the host may be another machine.

    Raises
    ------
    ConfigError
        Naming the field and what to do.
    """
    if not allow_remote_host and not _is_this_machine(host):
        raise _config_error(
            f"host={host!r} is another machine, and the socket of TWS is neither encrypted nor authenticated.",
            "host",
            host,
            "Use 127.0.0.1 with an ssh tunnel, or pass allow_remote_host=True.",
        )
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise _config_error(f"port={port!r} is no port.", "port", port, "Use 4002 (paper) or 4001 (live).")
    if isinstance(client_id, bool) or not isinstance(client_id, int) or not 0 <= client_id < 2**31:
        raise _config_error(f"client_id={client_id!r} must be 0 to 2147483647.", "client_id", client_id, "Use 1.")
    if mode not in ("paper", "live"):
        raise _config_error(f"mode={mode!r} is unknown.", "mode", mode, 'Use "paper" or "live".')
    is_paper = mode == "paper"
    if account:
        check_prefix(account, mode)
    if port in (LIVE_PORTS if is_paper else PAPER_PORTS):
        raise _config_error(
            f"port={port} is the custom port of {'live' if is_paper else 'paper'} trading, and mode is {mode!r}.",
            "port",
            port,
            f"Use {(PAPER_PORTS if is_paper else LIVE_PORTS)[0]}, or set another port in the gateway.",
        )


def check_prefix(account: str, mode: str) -> None:
    """Refuse a paper account in live mode and the other way round.

    Parameters
    ----------
    account, mode : str
        Whose orders, and ``paper`` or ``live``.

    Raises
    ------
    ConfigError
        If they do not say the same.
    """
    is_paper = mode == "paper"
    if account.startswith(PAPER_PREFIX) is not is_paper:
        text = f"account={account!r} is not one of {mode} trading: those {'' if is_paper else 'do not '}start with DU."
        raise _config_error(text, "account", account, "Change mode or account; both must say the same.")


def _config_error(text: str, name: str, value: object, fix: str) -> ConfigError:
    error = ConfigError(f"{text} {fix}", problems=(text,))
    error.field, error.value, error.fix = name, value, fix
    return error


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
