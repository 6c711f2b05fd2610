from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanodesk.book.events import Event
from nanodesk.book.orders import AuctionResult, BracketResult, Indicative, Notice, Order, StopOrder
from nanodesk.book.results import CancelResult, ModifyResult, StopSubmitResult, SubmitResult, Trade
from nanodesk.book.snapshot import BookSnapshot
from nanodesk.errors import ValidationError
from nanodesk.market.enums import Side, TimeInForce
from nanodesk.market.instrument import Instrument

class Exchange:
    instrument: Instrument | None
    configuration: dict[str, Any]
    def __init__(
        self,
        instrument: Instrument | None = None,
        *,
        matching: str = "price_time",
        fifo_percent: int = 40,
        min_allocation: int = 1,
        top_order: bool = False,
        cascade_limit: int = 100,
        max_display_parts: int = 1000,
        event_log: bool = True,
    ) -> None: ...
    def submit_limit(
        self,
        side: Side | str,
        price: int,
        quantity: int,
        tif: TimeInForce | str = "gtc",
        *,
        post_only: bool = False,
        display: int | None = None,
        min_quantity: int | None = None,
        reduce_only: bool = False,
        owner: int | None = None,
        self_trade: str = "off",
        expire_ns: int | None = None,
    ) -> SubmitResult: ...
    def submit_market(
        self,
        side: Side | str,
        quantity: int,
        *,
        min_quantity: int | None = None,
        reduce_only: bool = False,
        owner: int | None = None,
        self_trade: str = "off",
    ) -> SubmitResult: ...
    def try_submit_limit(
        self, side: Side | str, price: int, quantity: int, tif: TimeInForce | str = "gtc", **options: Any
    ) -> SubmitResult | ValidationError: ...
    def try_submit_market(self, side: Side | str, quantity: int, **options: Any) -> SubmitResult | ValidationError: ...
    def submit_pegged(
        self,
        side: Side | str,
        reference: str,
        quantity: int,
        offset: int = 0,
        *,
        limit_price: int | None = None,
        tif: TimeInForce | str = "gtc",
        display: int | None = None,
        expire_ns: int | None = None,
        owner: int | None = None,
        self_trade: str = "off",
    ) -> SubmitResult: ...
    def submit_bracket(
        self,
        side: Side | str,
        price: int,
        quantity: int,
        take_profit: int,
        stop_loss: int,
        *,
        tif: TimeInForce | str = "gtc",
        expire_ns: int | None = None,
        contingency: str = "ouo",
        owner: int | None = None,
        self_trade: str = "off",
    ) -> BracketResult: ...
    def submit_stop_market(
        self,
        side: Side | str,
        stop_price: int,
        quantity: int,
        *,
        owner: int | None = None,
        self_trade: str = "off",
        reduce_only: bool = False,
    ) -> StopSubmitResult: ...
    def submit_stop_limit(
        self,
        side: Side | str,
        stop_price: int,
        limit_price: int,
        quantity: int,
        tif: TimeInForce | str = "gtc",
        *,
        owner: int | None = None,
        self_trade: str = "off",
        reduce_only: bool = False,
        expire_ns: int | None = None,
    ) -> StopSubmitResult: ...
    def submit_trailing_stop_market(
        self,
        side: Side | str,
        stop_price: int,
        quantity: int,
        trail_type: str,
        trail_value: float,
        atr_period: int | None = None,
        *,
        owner: int | None = None,
        self_trade: str = "off",
        reduce_only: bool = False,
    ) -> StopSubmitResult: ...
    def submit_trailing_stop_limit(
        self,
        side: Side | str,
        stop_price: int,
        limit_price: int,
        quantity: int,
        trail_type: str,
        trail_value: float,
        tif: TimeInForce | str = "gtc",
        atr_period: int | None = None,
        *,
        owner: int | None = None,
        self_trade: str = "off",
        reduce_only: bool = False,
        expire_ns: int | None = None,
    ) -> StopSubmitResult: ...
    def cancel(self, order_id: int) -> CancelResult: ...
    def reduce(self, order_id: int, quantity: int) -> CancelResult: ...
    def modify(self, order_id: int, price: int, quantity: int) -> ModifyResult: ...
    def link(self, contingency: str, order_ids: Iterable[int]) -> int: ...
    def set_position(self, owner: int, quantity: int) -> None: ...
    def position(self, owner: int) -> int: ...
    def advance_clock(self, now_ns: int) -> None: ...
    def set_session_close(self, close_ns: int) -> None: ...
    def set_price_band(self, low: int | None, high: int | None) -> None: ...
    def halt(self) -> None: ...
    def resume(self) -> None: ...
    def start_auction(self) -> None: ...
    @property
    def phase(self) -> str: ...
    @property
    def clock_ns(self) -> int: ...
    def indicative(self, reference: int | None = None) -> Indicative | None: ...
    def uncross(self, reference: int | None = None) -> AuctionResult: ...
    def best_bid_ask(self) -> tuple[int | None, int | None]: ...
    def best_bid(self) -> int | None: ...
    def best_ask(self) -> int | None: ...
    def spread(self) -> int | None: ...
    def depth(self, levels: int = 10) -> BookSnapshot: ...
    def depth_view(self, levels: int = 10) -> DepthView: ...
    def full_book(self) -> BookSnapshot: ...
    def queue(self, side: Side | str, price: int) -> list[Order]: ...
    def get_order(self, order_id: int) -> Order | None: ...
    def get_stop_order(self, order_id: int) -> StopOrder | None: ...
    def pending_stop_count(self) -> int: ...
    def last_trade_price(self) -> int | None: ...
    def trades(self) -> list[Trade]: ...
    def trade_array(self) -> NDArray[np.void]: ...
    def notices(self) -> list[Notice]: ...
    def take_notices(self) -> list[Notice]: ...
    def state_hash(self) -> int: ...
    def clear_trades(self) -> None: ...
    def clear_order_history(self) -> int: ...
    def compact(self) -> None: ...
    def submit_batch(self, commands: NDArray[np.void], out: NDArray[np.void] | None = None) -> NDArray[np.void]: ...
    def event_count(self) -> int: ...
    def events(self, start: int | None = 0, stop: int | None = None) -> list[Event]: ...
    def apply(self, event: Event) -> object: ...
    @classmethod
    def replay(
        cls, events: Iterable[Event], instrument: Instrument | None = None, **configuration: Any
    ) -> Exchange: ...
    def save(self, path: str | Path, *, binary: bool = False) -> None: ...
    @classmethod
    def load(cls, path: str | Path, *, strict: bool = False) -> Exchange: ...
    def raw_log(self, start: int, stop: int) -> tuple[bytes, bytes, bytes]: ...
    def replay_raw(self, events: bytes, options: bytes, ids: bytes) -> int: ...
    def replayed(self) -> Exchange: ...
    def address(self) -> int: ...

class DepthView:
    prices: NDArray[np.int64]
    quantities: NDArray[np.int64]
    counts: NDArray[np.int64]
    def refresh(self) -> tuple[int, int]: ...
