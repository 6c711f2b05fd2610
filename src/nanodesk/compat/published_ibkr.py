"""The published Interactive Brokers adapter over ours."""

from __future__ import annotations

from typing import Literal

from nanodesk.compat.published_broker import PublishedBroker


class IbkrBroker(PublishedBroker):
    """The published adapter of Interactive Brokers.

    What the published one gets wrong is right here: an error of the open orders is an error and not "no orders",
    waits end in a silent market, the state of an order is the venue's, a market order takes no worse than 50 basis
    points beyond the quote, and the loss of the venue's link (codes 1100 to 1102) is heard.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Where TWS or IB Gateway runs.
    port : int, default 4002
        4002 paper, 4001 live.
    client_id : int, default 1
        Number of this client at the gateway.
    account : str, default ""
        Whose orders; empty for the gateway's only account.
    mode : {"paper", "live"}, default "paper"
        A live account is refused unless it says so.

    Examples
    --------
    >>> IbkrBroker("127.0.0.1", 4002, client_id=1).positions()
    Traceback (most recent call last):
        ...
    RuntimeError: not connected
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 4002,
        client_id: int = 1,
        *,
        account: str = "",
        mode: Literal["paper", "live"] = "paper",
    ) -> None:
        from nanodesk.brokers.ibkr.broker import IbkrBroker as OurBroker

        super().__init__(lambda: OurBroker(host=host, port=port, client_id=client_id, account=account, mode=mode))
