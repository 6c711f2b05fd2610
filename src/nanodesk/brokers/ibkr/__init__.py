"""Interactive Brokers, through TWS or IB Gateway."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanodesk.brokers.ibkr.broker import IbkrBroker as IbkrBroker

__all__ = ["IbkrBroker"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: the adapter brings the packages of the extra `live`.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("nanodesk.brokers.ibkr.broker"), name)
