from collections.abc import Iterable

from nanodesk.market.enums import OrderStatus, Side

class Trades: ...

class Trade:
    id: int
    price: int
    quantity: int
    aggressor_order_id: int
    passive_order_id: int
    timestamp: int
    def __init__(
        self,
        id: int,  # noqa: A002
        price: int,
        quantity: int,
        aggressor_order_id: int,
        passive_order_id: int,
        aggressor_side: Side | str,
        timestamp: int,
    ) -> None: ...
    @property
    def aggressor_side(self) -> Side: ...
    @property
    def passive_side(self) -> Side: ...
    def as_tuple(self) -> tuple[int, int, int, int, int, str, int]: ...
    @staticmethod
    def vwap(trades: Iterable[Trade]) -> float | None: ...

class SubmitResult:
    order_id: int
    filled_quantity: int
    resting_quantity: int
    cancelled_quantity: int
    n_trades: int
    @property
    def status(self) -> OrderStatus: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def trades(self) -> list[Trade]: ...

class CancelResult:
    cancelled_quantity: int
    @property
    def success(self) -> bool: ...
    @property
    def error(self) -> str | None: ...
    def __bool__(self) -> bool: ...

class ModifyResult:
    old_order_id: int
    new_order_id: int
    cancelled_quantity: int
    n_trades: int
    @property
    def success(self) -> bool: ...
    @property
    def error(self) -> str | None: ...
    @property
    def trades(self) -> list[Trade]: ...
    def __bool__(self) -> bool: ...

class StopSubmitResult:
    order_id: int
    @property
    def status(self) -> str: ...
    @property
    def triggered_order_id(self) -> int | None: ...
