"""The published Binance adapter over ours."""

from __future__ import annotations

from nanodesk.brokers.base import Broker
from nanodesk.compat.published_broker import PublishedBroker

UNIT_E9 = 10
"""What a quantity of 1 means: 1e-8 of a coin, in orders as in positions."""


class BinanceBroker(PublishedBroker):
    """The published Binance adapter.

    Its states come from the venue, open orders are listed, cancels cancel, prices keep the venue's places, and a
    quantity of 1 is 1e-8 of a coin in orders as it is in positions.

    Parameters
    ----------
    api_key, secret_key : str
        Key and HMAC secret, or an Ed25519 private key in PEM.
    testnet : bool, default False
        No real money.
    quote_asset : str, default "USDT"
        Currency that pays.
    base_url, ws_api_url, stream_url : str, optional
        Addresses of a loopback venue, with ``testnet=True``.

    Examples
    --------
    >>> BinanceBroker("key", "secret", testnet=True)
    BinanceBroker(...)
    """

    def __init__(
        self,
        api_key: str,
        secret_key: str,
        testnet: bool = False,
        quote_asset: str = "USDT",
        *,
        base_url: str | None = None,
        ws_api_url: str | None = None,
        stream_url: str | None = None,
    ) -> None:
        def make() -> Broker:
            from nanodesk.brokers.binance.broker import BinanceBroker as OurBroker

            return OurBroker(
                api_key=api_key,
                secret=secret_key,
                base_url=base_url,
                ws_api_url=ws_api_url,
                stream_url=stream_url,
                quote_asset=quote_asset,
                testnet=testnet,
            )

        super().__init__(make, unit_e9=UNIT_E9)
