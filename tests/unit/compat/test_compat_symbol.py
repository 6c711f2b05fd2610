import pytest

from nanodesk.compat.nanobook import Symbol


class TestSymbol:
    def test_is_a_string(self) -> None:
        assert Symbol("AAPL") == "AAPL"
        assert {Symbol("AAPL"): 1}["AAPL"] == 1
        assert f"{Symbol('AAPL')}" == "AAPL"
        assert repr(Symbol.new("AAPL")) == "Symbol('AAPL')"

    def test_may_be_empty_and_is_ordered_as_text(self) -> None:
        assert Symbol() == ""
        assert sorted([Symbol("B"), Symbol("A")]) == ["A", "B"]

    def test_eight_bytes_fit_and_nine_do_not(self) -> None:
        assert Symbol("12345678") == "12345678"
        with pytest.raises(ValueError, match="exceeds 8 bytes"):
            Symbol("123456789")

    def test_bytes_count_not_characters(self) -> None:
        assert Symbol("\u00e9" * 4) == "\u00e9" * 4
        with pytest.raises(ValueError, match="exceeds 8 bytes"):
            Symbol("\u00e9" * 5)

    def test_only_text(self) -> None:
        with pytest.raises(TypeError):
            Symbol(5)  # type: ignore[arg-type]

    def test_try_new_answers_none(self) -> None:
        assert Symbol.try_new("TOOLONGNAME") is None
        assert Symbol.try_new("AAPL") == "AAPL"

    def test_truncation_keeps_characters_whole(self) -> None:
        assert Symbol.from_str_truncated("TOOLONGNAME") == "TOOLONGN"
        assert Symbol.from_str_truncated("1234567\u00e9") == "1234567"

    def test_stands_where_a_name_does(self) -> None:
        from nanodesk.compat.nanobook import backtest_weights

        symbol = Symbol("A")
        result = backtest_weights([[(symbol, 1.0)]] * 2, [[(symbol, 100)], [(symbol, 110)]], 10_000, 0)
        assert result["equity_curve"] == [10_000, 10_000, 11_000]
