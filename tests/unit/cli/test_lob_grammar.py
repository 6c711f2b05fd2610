"""Lines of ``lob``: what they mean, and what a wrong one is told."""

import pytest

from nanodesk.cli.lob_shell.forms import BY_WORD, FORMS
from nanodesk.cli.lob_shell.grammar import Command, parse_line
from nanodesk.cli.lob_shell.words import Trail, read_offset, read_path, read_price, read_time
from nanodesk.errors import ValidationError

MAX = 2**63 - 1

GOOD = [
    ("buy 100.50 100", "buy", {"price": 10050, "quantity": 100}),
    ("BUY 100.50 100 IOC", "buy", {"price": 10050, "quantity": 100, "tif": "ioc"}),
    ("sell $1,000 1_000 fok", "sell", {"price": 100_000, "quantity": 1_000, "tif": "fok"}),
    ("  buy\t.01  1  ", "buy", {"price": 1, "quantity": 1}),
    ("buy 1.005 1", "buy", {"price": 101, "quantity": 1}),
    ("sell 101 500 post show=100", "sell", {"price": 10100, "quantity": 500, "post_only": True, "display": 100}),
    ("buy 1 9 ioc min=3", "buy", {"price": 100, "quantity": 9, "tif": "ioc", "min_quantity": 3}),
    (
        "buy 1 9 owner=7 stp=oldest reduce-only",
        "buy",
        {"price": 100, "quantity": 9, "owner": 7, "self_trade": "cancel_oldest", "reduce_only": True},
    ),
    ("buy 1 9 until=15:30", "buy", {"price": 100, "quantity": 9, "tif": "gtd", "expire_ns": 55_800 * 10**9}),
    ("market buy 200", "market", {"side": "buy", "quantity": 200}),
    ("market S 2", "market", {"side": "sell", "quantity": 2}),
    ("stop sell 95 100", "stop", {"side": "sell", "stop_price": 9500, "quantity": 100}),
    (
        "stoplimit buy 105 105.5 10 ioc",
        "stoplimit",
        {"side": "buy", "stop_price": 10500, "limit_price": 10550, "quantity": 10, "tif": "ioc"},
    ),
    (
        "trail sell 95 10 by=2.00",
        "trail",
        {"side": "sell", "stop_price": 9500, "quantity": 10, "trail": Trail("fixed", 200)},
    ),
    (
        "trail sell 95 10 by=5% limit=94",
        "trail",
        {
            "side": "sell",
            "stop_price": 9500,
            "quantity": 10,
            "trail": Trail("percentage", 0.05),
            "limit_price": 9400,
        },
    ),
    (
        "trail buy 95 10 by=2.5*ATR14",
        "trail",
        {"side": "buy", "stop_price": 9500, "quantity": 10, "trail": Trail("wilder_atr", 2.5, 14)},
    ),
    (
        "bracket buy 100 50 take=105 stop=97.50 oco",
        "bracket",
        {
            "side": "buy",
            "price": 10000,
            "quantity": 50,
            "take_profit": 10500,
            "stop_loss": 9750,
            "contingency": "oco",
        },
    ),
    ("peg buy bid 10 offset=-0.05", "peg", {"side": "buy", "reference": "bid", "quantity": 10, "offset": -5}),
    ("cancel 3", "cancel", {"order_id": 3}),
    ("c O3", "cancel", {"order_id": 3}),
    ("r 3 40", "reduce", {"order_id": 3, "quantity": 40}),
    ("m 3 100.25 80", "modify", {"order_id": 3, "price": 10025, "quantity": 80}),
    ("link oco 3 4 5", "link", {"contingency": "oco", "order_ids": (3, 4, 5)}),
    ("b", "book", {}),
    ("book 5", "book", {"levels": 5}),
    ("t", "trades", {}),
    ("s 3", "status", {"order_id": 3}),
    ("queue buy 1", "queue", {"side": "buy", "price": 100}),
    ("position 7 -30", "position", {"owner": 7, "quantity": -30}),
    ("band", "band", {}),
    ("band 90 110", "band", {"low": 9000, "high": 11000}),
    ("uncross 100", "uncross", {"reference": 10000}),
    ("clock 9:30:00.5", "clock", {"now_ns": 34_200_500_000_000}),
    ("close 3600", "close", {"close_ns": 3_600 * 10**9}),
    ("save My Book.jsonl", "save", {"path": "My Book.jsonl"}),
    ("LOAD 'a b.jsonl'", "load", {"path": "a b.jsonl"}),
    ("?", "help", {}),
    ("h Buy", "help", {"topic": "buy"}),
    ("exit", "quit", {}),
    ("q", "quit", {}),
    ("EXIT", "quit", {}),
]

BAD = [
    ("byu 1 1", "'byu' is no command. Did you mean buy? Type help for the list."),
    ("xyzzy", "'xyzzy' is no command. Type help for the list."),
    ("buy", "buy: PRICE is missing. Try: buy 100.50 100 ioc"),
    ("buy 100", "buy: QTY is missing."),
    ("buy ten 1", "buy: 'ten' is no price in dollars"),
    ("buy 1e5 1", "'1e5' is no price"),
    ("buy nan 1", "'nan' is no price"),
    ("buy inf 1", "'inf' is no price"),
    ("buy 0 1", "at least one cent"),
    ("buy 0.004 1", "at least one cent"),
    ("buy -5 1", "at least one cent"),
    ("buy 1 0", "quantity '0' must be at least 1"),
    ("buy 1 -5", "quantity '-5' is not a whole number"),
    ("buy 1 1.5", "quantity '1.5' is not a whole number"),
    ("buy 1 ١", "is not a whole number"),
    (f"buy 1 {MAX + 1}", "too large: at most 9,223,372,036,854,775,807"),
    ("buy 92233720368547758.07 1", "too large"),
    (f"buy {'9' * 5000} 1", "too large"),
    (f"buy 1 {'9' * 5000}", "too large"),
    ("buy 1 1 gct", "'gct' is unknown. Did you mean gtc?"),
    ("buy 1 1 gtc ioc", "'ioc' is said twice"),
    ("buy 1 1 owner=1 owner=2", "said twice"),
    ("buy 1 1 post=yes", "post takes no value"),
    ("buy 1 1 owner=", "owner needs a value, owner=N"),
    ("buy 1 1 owner=0", "owner '0' must be 1 to 4,294,967,295"),
    ("buy 1 1 stp=oldest", "stp= needs owner=N"),
    ("buy 1 1 reduce-only", "reduce-only needs owner=N"),
    ("buy 1 1 owner=1 stp=old", "'old' is none of off, newest, oldest, both, decrement. Did you mean oldest?"),
    ("buy 1 1 show=2", "show=2 is more than QTY 1"),
    ("buy 1 1 ioc post", "post needs an order that can rest, not ioc"),
    ("buy 1 1 day until=15:00", "until= does not go with day"),
    ("buy 1 1 until=9:99", "'9:99' is no time"),
    ("market up 3", "'up' is none of buy, sell."),
    ("trail sell 95 10", "by=DISTANCE is missing"),
    ("trail sell 95 10 by=0%", "above 0%"),
    ("trail sell 95 10 by=101%", "at most 100%"),
    ("trail sell 95 10 by=0*atr14", "multiple must be above 0"),
    ("trail sell 95 10 by=1*atr0", "prints 1 to 10,000"),
    ("trail sell 95 10 by=far", "no distance: say 2.00 (dollars), 5%, 2*atr14 or 2*sma14"),
    ("bracket buy 100 5 take=105", "stop=PRICE is missing"),
    ("bracket buy 100 5 take=95 stop=97", "a buy needs stop= below PRICE below take="),
    ("bracket sell 100 5 take=105 stop=97", "a sell needs take= below PRICE below stop="),
    ("cancel", "ID is missing. Try: cancel 3"),
    ("cancel 3 4", "'4' is too much"),
    ("cancel 0", "order ids begin at 1"),
    ("link oco", "two different IDs or more"),
    ("link oco 3 3", "two different IDs or more"),
    ("band 110 90", "LOW is above HIGH"),
    ("save", "FILE is missing"),
    ("save ''", "is no file name"),
    ("save a\0b", "is no file name"),
    ("quit now", "'now' is too much"),
    ("x" * 10_000, "…' is no command"),
]


class TestParseLine:
    @pytest.mark.parametrize(("line", "name", "values"), GOOD)
    def test_good_line(self, line, name, values):
        assert parse_line(line) == Command(name, values)

    @pytest.mark.parametrize(("line", "told"), BAD)
    def test_bad_line_is_told_what_is_wrong_in_one_line(self, line, told):
        with pytest.raises(ValidationError) as caught:
            parse_line(line)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250

    @pytest.mark.parametrize("line", ["", "   ", "\t", "# a remark", "#"])
    def test_nothing_to_do(self, line):
        assert parse_line(line) is None

    def test_controls_are_not_echoed(self):
        with pytest.raises(ValidationError) as caught:
            parse_line("\x1b[31mbuy")
        assert "\x1b" not in str(caught.value)


class TestForms:
    @pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
    def test_example_is_read(self, form):
        assert parse_line(form.example).name == form.name

    def test_no_word_means_two_things(self):
        words = [word for form in FORMS for word in (form.name, *form.aliases)]
        assert len(words) == len(set(words)) == len(BY_WORD)

    def test_published_short_forms(self):
        short = {"c": "cancel", "b": "book", "t": "trades", "s": "status", "h": "help", "?": "help", "q": "quit"}
        assert {word: BY_WORD[word].name for word in short} == short
        assert BY_WORD["exit"].name == "quit"

    def test_usage_names_what_must_be_said_first(self):
        assert BY_WORD["trail"].usage.startswith("trail buy|sell STOP QTY by=DISTANCE [limit=PRICE]")


class TestReadPrice:
    @pytest.mark.parametrize(
        ("word", "cents"),
        [("100.5", 10050), ("0.005", 1), ("0.0149999999999999999999999999999", 1), ("92233720368547758.06", MAX - 1)],
    )
    def test_exact(self, word, cents):
        assert read_price(word) == cents


class TestReadOffset:
    def test_half_a_cent_goes_away_from_zero(self):
        assert (read_offset("-0.005"), read_offset("+0.005")) == (-1, 1)


class TestReadTime:
    def test_nanoseconds_are_exact(self):
        assert read_time("00:00:00.000000001") == 1


class TestReadPath:
    def test_quotes_are_taken_off_in_pairs_only(self):
        assert (read_path('"a b"'), read_path("'a")) == ("a b", "'a")
