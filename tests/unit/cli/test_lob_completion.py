"""What ``lob`` proposes to type next."""

import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.cli.lob_shell.completion import suggest
from nanodesk.cli.lob_shell.execute import Session, answer


@pytest.fixture
def session():
    session = Session(Exchange())
    for line in ("buy 99.50 100", "sell 1001 20", "stop sell 95 10"):
        answer(session, line)
    return session


def words(line, session):
    return [found.word for found in suggest(line, session)]


class TestSuggest:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("mar", ["market"]),
            ("MAR", ["market"]),
            ("market ", ["buy", "sell"]),
            ("market s", ["sell"]),
            ("market buy ", []),
            ("market buy 5 m", ["min="]),
            ("buy ", ["99.50", "1001.00"]),
            ("buy 9", ["99.50"]),
            ("buy 99 10 f", ["fok"]),
            ("buy 99 10 ioc f", []),
            ("buy 99 10 stp=o", ["stp=off", "stp=oldest"]),
            ("cancel ", ["2", "1", "3"]),
            ("link oco 1 ", ["2", "3"]),
            ("help tr", ["trail", "trades"]),
            ("nonsense ", []),
        ],
    )
    def test_words(self, session, line, expected):
        assert words(line, session) == expected

    def test_everything_at_the_start(self, session):
        assert {"buy", "auction", "help"} <= set(words("", session))

    def test_ids_tell_what_they_are(self, session):
        meanings = {found.word: found.meaning for found in suggest("c ", session)}
        assert meanings == {"1": "buy 100 @ $99.50", "2": "sell 20 @ $1,001.00", "3": "stop sell 10 at $95.00"}

    def test_a_cancelled_stop_is_no_longer_proposed(self, session):
        answer(session, "cancel 3")
        assert words("cancel ", session) == ["2", "1"]

    def test_files_with_spaces(self, session, tmp_path):
        (tmp_path / "my book.jsonl").touch()
        (tmp_path / "folder").mkdir()
        (tmp_path / ".hidden").touch()
        assert words(f"load {tmp_path}/", session) == [f"{tmp_path}/folder/", f"{tmp_path}/my book.jsonl"]
        assert words(f"load {tmp_path}/my b", session) == [f"{tmp_path}/my book.jsonl"]
        assert words(f"load {tmp_path}/none/", session) == []
        assert words("load a\0", session) == []
        assert words("load ~no-such-user-here/", session) == []

    def test_the_word_so_far_is_what_gets_replaced(self, session):
        assert [found.typed for found in suggest("market se", session)] == ["se"]
