"""Any line typed at ``lob`` gets an answer, and a wrong one changes nothing."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from nanodesk.book.exchange import Exchange
from nanodesk.cli.lob_shell.completion import suggest
from nanodesk.cli.lob_shell.execute import Session, answer, execute
from nanodesk.cli.lob_shell.forms import BY_WORD, FORMS
from nanodesk.cli.lob_shell.grammar import parse_line
from nanodesk.cli.lob_shell.render import plain
from nanodesk.errors import NanodeskError

FILES = ("save", "load")
"""Left out: random lines shall not write files."""
NUMBERS = ("0", "1", "2", "3", "5", "7", "99.5", "100", "100.01", "101", "-1", "1e3", "9223372036854775807", "10%")
EDGES = ("92233720368547758.06", "4611686018427387904", "4294967295", "0.005", "15:30", "00:00:01", "inf", "NaN", "")
OPTIONS = [f"{word}={value}" for form in FORMS for word in form.options or () for value in ("", "1", "5", "100", "x")]
WORDS = st.sampled_from(
    [
        *(word for word in BY_WORD if word not in FILES),
        *(word for form in FORMS for word in form.options or ()),
        *OPTIONS,
        *("by=2", "by=5%", "by=2*atr3", "stp=decrement", "take=105", "stop=95", "until=10:00"),
        *("buy", "sell", "bid", "mid", "oco", "ouo"),
        *NUMBERS,
        *EDGES,
    ]
)
MIXED = st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=8).map(" ".join)
SENSIBLE = st.builds(
    " ".join,
    st.one_of(
        st.tuples(
            st.sampled_from(["buy", "sell"]),
            st.sampled_from(["99", "99.5", "100", "100.5", "101"]),
            st.sampled_from(["1", "10", "70"]),
            st.sampled_from(["", "ioc", "fok", "post", "show=1", "owner=1 stp=both", "owner=2 reduce-only"]),
        ),
        st.tuples(st.just("market"), st.sampled_from(["buy", "sell"]), st.sampled_from(["5", "100"])),
        st.tuples(st.sampled_from(["cancel", "status"]), st.integers(1, 12).map(str)),
        st.tuples(st.just("modify"), st.integers(1, 12).map(str), st.just("100"), st.just("10")),
        st.tuples(st.just("reduce"), st.integers(1, 12).map(str), st.just("3")),
        st.tuples(st.just("stop"), st.sampled_from(["buy 101 5", "sell 99 5"])),
        st.tuples(st.just("trail sell 98 5"), st.sampled_from(["by=1", "by=1%", "by=2*sma3"])),
        st.tuples(st.just("peg"), st.sampled_from(["buy mid 3", "sell ask 4 offset=0.01"])),
        st.tuples(st.sampled_from(["bracket buy 100 5 take=102 stop=98", "link ouo 1 2", "band 90 110", "band"])),
        st.tuples(st.sampled_from(["auction", "uncross", "halt", "resume", "book", "trades", "queue buy 99"])),
    ),
)
LINES = st.lists(st.one_of(SENSIBLE, SENSIBLE, MIXED, st.text()), max_size=25)


def writes_files(line: str) -> bool:
    return line.split()[:1] != [] and line.split()[0].lower() in FILES


@settings(max_examples=400, deadline=None)
@given(lines=LINES)
def test_every_line_is_answered_and_a_wrong_one_changes_nothing(lines):
    session = Session(Exchange())
    for line in lines:
        if writes_files(line):
            continue
        before, exchange = session.exchange.state_hash(), session.exchange
        suggest(line, session)
        try:
            command = parse_line(line)
            told = [] if command is None else execute(session, command)
        except NanodeskError as error:
            told = answer(session, line)
            assert told == [("error", f"{error}\n")]
            assert "\n" not in str(error)
            assert session.exchange is exchange
            assert session.exchange.state_hash() == before
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", plain(told))
        assert not told or plain(told).endswith("\n")


@settings(max_examples=300, deadline=None)
@given(text=st.text())
def test_any_text_is_a_command_or_one_line(text):
    try:
        parse_line(text)
    except NanodeskError as error:
        assert len(str(error).splitlines()) == 1


@settings(max_examples=200, deadline=None)
@given(price=st.integers(1, 2**63 - 2), quantity=st.integers(1, 2**63 - 1))
def test_cents_survive_the_way_through_dollars(price, quantity):
    command = parse_line(f"buy {price // 100}.{price % 100:02d} {quantity:,}")
    assert command.values == {"price": price, "quantity": quantity}
