"""The paper market and its broker: one matching engine, one ledger."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanodesk.brokers.paper.broker import PaperBroker as PaperBroker

__all__ = ["PaperBroker"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: the adapter brings the packages of the extra `live`.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("nanodesk.brokers.paper.broker"), name)
