"""The dict that the published weights backtest returns, with attributes and without doing work nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


class WeightsResult(dict[str, Any]):
    """The published dict, with its keys as attributes too: ``result["metrics"].sharpe``, ``result.metrics.sharpe``.

    The two lists of lists are the larger part of the work, so they are built when something first asks for them.

    Parameters
    ----------
    ready : mapping of str to object
        Every key in its published order; ``None`` stands for what is pending.
    pending : mapping of str to callable
        Functions of no arguments that build the pending values.
    """

    def __init__(self, ready: Mapping[str, Any], pending: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(ready)
        self._pending = dict(pending)

    def _complete(self) -> WeightsResult:
        for key in tuple(self._pending):
            self[key]
        return self

    def __getitem__(self, key: str) -> Any:
        if key in self._pending:
            super().__setitem__(key, self._pending.pop(key)())
        return super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(name)
        return self[name]

    def __setitem__(self, key: str, value: Any) -> None:
        self._pending.pop(key, None)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._pending.pop(key, None)
        super().__delitem__(key)

    # Everything that reads values in bulk fills the pending ones first. The iterator is defined here because C code
    # copies a dict without asking for its items unless the iterator is the subclass's own.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or a default.

        Parameters
        ----------
        key : str
            Key.
        default : object, optional
            Returned where there is no such key.

        Returns
        -------
        value : object
            The value.
        """
        try:
            return self[key]
        except KeyError:
            return default

    def pop(self, key: str, *default: Any) -> Any:
        """Take a key out.

        Parameters
        ----------
        key : str
            Key.
        *default : object
            Returned where there is no such key.

        Returns
        -------
        value : object
            Its value.
        """
        self._complete()
        return super().pop(key, *default)

    def items(self) -> Any:
        """Keys and values.

        Returns
        -------
        items : dict_items
            A view.
        """
        self._complete()
        return super().items()

    def values(self) -> Any:
        """Values.

        Returns
        -------
        values : dict_values
            A view.
        """
        self._complete()
        return super().values()

    def copy(self) -> dict[str, Any]:
        """A plain dict of the same keys and values.

        Returns
        -------
        copy : dict
            Its own dict.
        """
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == (other.copy() if isinstance(other, WeightsResult) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any) -> Any:
        return other | self.copy()

    def __repr__(self) -> str:
        return repr(self.copy())

    def __reduce__(self) -> Any:
        return WeightsResult, (self.copy(), {})
