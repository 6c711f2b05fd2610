"""The published symbol: at most eight bytes of text."""

from __future__ import annotations

from nanodesk.compat.published_arguments import MAX_SYMBOL_BYTES


class Symbol(str):
    """An instrument's name of at most eight bytes of UTF-8.

    A string that cannot be longer; it compares, hashes and prints as text, and stands wherever a name does. The rest
    of the package sets no such limit: `nanodesk.market.instrument.Instrument` takes names of any length.

    Parameters
    ----------
    text : str, default ""
        The name.

    Raises
    ------
    ValueError
        If the name is longer than eight bytes.

    Examples
    --------
    >>> Symbol("AAPL")
    Symbol('AAPL')
    >>> Symbol.try_new("TOOLONGNAME") is None
    True
    >>> Symbol.from_str_truncated("TOOLONGNAME")
    Symbol('TOOLONGN')
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Symbol:
        if not isinstance(text, str):
            raise TypeError(f"a symbol is text, not {type(text).__name__}")
        if len(text.encode()) > MAX_SYMBOL_BYTES:
            raise ValueError(f"Symbol {str(text)!r} exceeds {MAX_SYMBOL_BYTES} bytes. Use a shorter symbol.")
        return super().__new__(cls, text)

    @classmethod
    def new(cls, text: str) -> Symbol:
        """The symbol, or an error.

        Parameters
        ----------
        text : str
            The name.

        Returns
        -------
        symbol : Symbol
            The name, checked.
        """
        return cls(text)

    @classmethod
    def try_new(cls, text: str) -> Symbol | None:
        """The symbol, or None if the name is too long.

        Parameters
        ----------
        text : str
            The name.

        Returns
        -------
        symbol : Symbol or None
            None instead of an error.
        """
        return cls(text) if len(text.encode()) <= MAX_SYMBOL_BYTES else None

    @classmethod
    def from_str_truncated(cls, text: str) -> Symbol:
        """As much of the name as fits, never cutting a character in two.

        Parameters
        ----------
        text : str
            The name, of any length.

        Returns
        -------
        symbol : Symbol
            The first whole characters within eight bytes.
        """
        return cls(text.encode()[:MAX_SYMBOL_BYTES].decode(errors="ignore"))

    def __repr__(self) -> str:
        return f"Symbol({str(self)!r})"
