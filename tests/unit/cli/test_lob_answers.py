"""Commands of ``lob`` carried out: what the book does, what is told."""

import re

import pytest

from nanodesk.book.exchange import Exchange
from nanodesk.cli.lob_shell.execute import Session, answer
from nanodesk.cli.lob_shell.render import average_price, bar, clock, dollars, draw_book, plain


@pytest.fixture
def session():
    return Session(Exchange())


@pytest.fixture
def say(session):
    """The plain answer to the last of some lines."""

    def call(*lines):
        return [plain(answer(session, line)) for line in lines][-1]

    return call


class TestOrders:
    def test_an_order_rests(self, say):
        assert say("buy 100.50 100") == "O1 buy 100 @ $100.50: rests.\n"

    def test_a_fill_names_price_and_partner(self, say):
        assert say("sell 100 30", "buy 101 50") == (
            "O2 buy 50 @ $101.00: 30 filled at $100.00, 20 rest.\n  T1  30 at $100.00 with O1\n"
        )

    def test_a_market_order_tells_its_average(self, say):
        told = say("sell 100 10", "sell 101 30", "market buy 40")
        assert told.startswith("O3 market buy 40: 40 filled at an average of $100.75.\n")

    def test_a_market_order_that_finds_nothing(self, say):
        assert say("market buy 40") == "O1 market buy 40: 40 cancelled.\n"

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("buy 100 50 fok", "cannot be filled whole"),
            ("buy 100 5 post", "it is post-only"),
            ("buy 100 50 ioc min=20", "less than its minimum"),
            ("buy 100 5 owner=3 reduce-only", "no position"),
        ],
    )
    def test_a_rejection_says_why(self, say, session, line, why):
        say("sell 100 10")
        told = say(line)
        assert "rejected" in told
        assert why in told
        assert session.exchange.depth(1).asks[0].quantity == 10

    def test_options_reach_the_engine(self, say, session):
        say("close 16:00", "sell 101 500 day show=100 owner=7 stp=newest")
        order = session.exchange.get_order(1)
        assert (order.display, order.visible_quantity, order.owner) == (100, 100, 7)
        assert (order.self_trade, order.time_in_force.value) == ("cancel_newest", "day")

    def test_a_peg_follows(self, say):
        assert "pegged to bid, now @ $99.95" in say("buy 100 10", "peg buy bid 5 offset=-0.05")
        assert "O2 moved to $100.95" in say("buy 101 10")

    def test_a_peg_without_a_price_waits(self, say):
        assert say("peg buy bid 5") == "O1 buy 5 pegged to bid: waits for a price to follow.\n"
        assert "waits for a price to follow" in say("s 1")


class TestStops:
    def test_a_stop_triggers_and_says_what_it_became(self, say):
        say("buy 100 10", "buy 99 50", "stop sell 100 20")
        assert "stop O3 triggered and became O5: sell 20, 20 filled." in say("sell 100 5")
        assert "became O5" in say("status 3")
        assert "from stop O3" in say("status 5")

    def test_a_trailing_stop_shows_its_best_print(self, say):
        say("sell 100 10", "trail sell 95 5 by=2.00", "buy 100 1")
        assert "at $98.00: pending" in say("s 2")
        assert "best print $100.00" in say("s 2")

    def test_a_bracket_runs_through(self, say, session):
        told = say("sell 100 10", "bracket buy 100 10 take=105 stop=95")
        assert "profit target O3 @ $105.00, stop O4 @ $95.00" in told
        assert "O3 is active: its entry is filled." in told
        assert "O4 lost 10: it is linked to O3" in say("buy 105 10")
        assert session.exchange.pending_stop_count() == 0


class TestChanges:
    def test_cancel(self, say):
        assert say("buy 1 5", "cancel 1") == "O1: 5 cancelled.\n"
        assert say("cancel 1") == "No: that order is filled or cancelled already.\n"
        assert say("cancel 9") == "No: there is no such order.\n"

    def test_reduce_keeps_the_place(self, say):
        assert say("buy 1 50", "buy 1 60", "reduce 1 20") == "O1: 20 taken off, 30 open.\n"
        assert say("queue buy 1") == "   1. O1 30\n   2. O2 60\n"

    def test_modify_loses_the_place(self, say):
        assert say("buy 1 50", "buy 1 60", "modify 1 1 50") == "O1 is now O3: buy 50 @ $1.00.\n"
        assert say("queue buy 1") == "   1. O2 60\n   2. O3 50\n"

    def test_linked_orders(self, say):
        assert say("buy 1 50", "buy 2 60", "link oco 1 2") == "Group 1 (oco): O1, O2.\n"
        assert "O2 lost 60: it is linked to O1" in say("cancel 1")
        assert say("link oco 1 2").startswith("link: 1 is")


class TestLook:
    def test_book(self, say):
        say("sell 101 120", "sell 100.50 75", "buy 99.75 400", "buy 99.50 2000")
        drawn = say("book").splitlines()
        assert [line.split()[1] for line in drawn if line.split()[0] in ("ask", "bid")] == [
            "$101.00",
            "$100.50",
            "$99.75",
            "$99.50",
        ]
        assert drawn[1].split() == ["ask", "$101.00", "120", "1", "██▍"]
        assert "spread $0.75, mid $100.125, imbalance +85%" in drawn[3]
        assert drawn[5].endswith("█" * 20)

    def test_levels_are_limited(self, say):
        say("sell 101 1", "sell 102 1", "buy 99 1", "buy 98 1")
        assert len(re.findall("ask|bid", say("book 1"))) == 2

    def test_empty_book_says_how_to_begin(self, say):
        assert say("b") == "The book is empty. Try: buy 100.50 100\n"

    def test_trades_are_newest_first_and_limited(self, say):
        for _ in range(25):
            say("sell 100 1", "buy 100 1")
        told = say("trades").splitlines()
        assert told[0] == "  T25  $100.00  1  O50 → O49"
        assert len(told) == 21
        assert told[-1] == "  and 5 before"

    def test_buyer_stands_left_whoever_arrived(self, say):
        assert say("buy 100 1", "sell 100 1", "t") == "  T1  $100.00  1  O1 → O2\n"

    def test_status_of_a_stop_comes_before_that_of_an_order(self, say):
        assert "once it trades at $5.00" in say("stop buy 5 1", "status 1")
        assert say("status 77") == "There is no order O77.\n"

    def test_position(self, say):
        assert say("position 7") == "Owner 7: 0.\n"
        assert say("position 7 -30") == "Owner 7: -30.\n"

    def test_hash_is_that_of_the_engine(self, say, session):
        assert say("hash") == f"{session.exchange.state_hash():016x}\n"


class TestSession:
    def test_auction(self, say, session):
        say("auction", "buy 101 30", "sell 99 20")
        assert "20 would trade at $101.00, 10 left over among buyers" in say("book")
        assert "crossed by $2.00" in say("book")
        assert say("uncross").startswith("20 traded at $101.00. The market is open.\n  T1  $101.00  20  O1 → O2\n")
        assert session.exchange.phase == "continuous"
        assert say("uncross") == "uncross: there is no auction to end. Type auction to begin one.\n"

    def test_halt(self, say):
        say("halt")
        assert "rejected, the market is halted: type resume first." in say("buy 1 1")
        assert "rejected, the market is halted: type resume first." in say("stop buy 1 1")
        assert say("resume") == "Trading.\n"

    def test_band(self, say):
        assert say("band 90 110") == "Orders must be priced $90.00 to $110.00.\n"
        assert "outside the price band" in say("buy 111 1")
        assert say("band") == "No price band.\n"

    def test_clock(self, say):
        assert say("buy 1 1 day") == "buy: day orders need a closing time. Try: close 16:00\n"
        assert say("clock 9:30", "close 16:00", "buy 1 5 day") == "O1 buy 5 @ $1.00 day: rests.\n"
        assert "O1 expired, 5 cancelled." in say("clock 16:00")
        assert say("clock 12:00") == "clock: it is 16:00:00 already, and time does not go back.\n"
        assert "name a later time" in say("close 12:00")
        assert "name a later time" in say("buy 1 1 until=12:00")

    def test_clear_keeps_the_kind_of_book(self, say, session):
        session.exchange = Exchange(matching="pro_rata")
        say("buy 1 1", "clear")
        assert session.exchange.configuration["matching"] == "pro_rata"
        assert session.exchange.best_bid() is None

    def test_help_lists_every_command_and_details_one(self, say):
        assert "market buy 200" in say("help")
        assert "short: c" in say("help cancel")
        assert "Did you mean cancel?" in say("help cancle")

    def test_quit(self, say, session):
        assert say("quit") == ""
        assert session.is_over


class TestFiles:
    def test_no_file_is_one_line(self, say, tmp_path):
        assert say(f"load {tmp_path}/none.jsonl").count("\n") == 1

    def test_saved_and_loaded_book_is_the_same(self, say, session, tmp_path):
        path = tmp_path / "a book.jsonl"
        say("sell 100 10", "buy 100 4", "trail sell 95 5 by=5%", "buy 99 7 owner=3")
        before = session.exchange.state_hash()
        assert say(f"save {path}") == f"4 commands written to {path}.\n"
        assert "4 commands read" in say("clear", f"load {path}")
        assert session.exchange.state_hash() == before

    def test_a_cut_file_says_so_and_gives_what_came_before(self, say, session, tmp_path):
        path = tmp_path / "cut.jsonl"
        say("buy 99 5", "buy 98 5", "buy 97 5", f"save {path}")
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[:3]) + lines[3][:10])
        told = say("clear", f"load {path}").splitlines()
        assert "2 commands read" in told[1]
        assert session.exchange.full_book().total_bid_quantity == 10

    def test_a_damaged_file_leaves_the_book(self, say, session, tmp_path):
        path = tmp_path / "bad.jsonl"
        path.write_text("no log\n")
        say("buy 1 1")
        before = session.exchange.state_hash()
        assert say(f"load {path}").count("\n") == 1
        assert session.exchange.state_hash() == before

    @pytest.mark.parametrize("command", ["save", "load"])
    def test_an_unknown_home_is_one_line(self, say, command):
        told = say(f"{command} ~no-such-user-here/book.jsonl")
        assert told == f"{command}: nobody's home is '~no-such-user-here'.\n"

    def test_no_folder_is_one_line(self, say, tmp_path):
        assert re.fullmatch(r"save: '.*': no such file or directory\.\n", say(f"save {tmp_path}/none/book.jsonl"))


class TestDollars:
    @pytest.mark.parametrize(
        ("cents", "text"),
        [(0, "$0.00"), (10050.5, "$100.505"), (10050.25, "$100.5025"), (-250, "-$2.50"), (10.0, "$0.10")],
    )
    def test_digits(self, cents, text):
        assert dollars(cents) == text

    def test_extremes_are_market_orders(self):
        assert dollars(2**63 - 1) == dollars(-(2**63)) == "market"


class TestBar:
    @pytest.mark.parametrize(
        ("quantity", "drawn"),
        [(0, ""), (1, "▏"), (49, "▉"), (50, "█"), (75, "█▌"), (1_000, "█" * 20), (10**18, "█" * 20)],
    )
    def test_one_cell_for_fifty(self, quantity, drawn):
        assert bar(quantity) == drawn


class TestClock:
    def test_days_run_on(self):
        assert clock(90_000 * 10**9) == "25:00:00"


class TestAveragePrice:
    def test_none_without_trades(self):
        assert average_price([]) is None


class TestDrawBook:
    def test_columns_hold_the_widest_number(self):
        exchange = Exchange()
        exchange.submit_limit("buy", 2**62, 10**15)
        exchange.submit_limit("sell", 2**63 - 2, 1)
        lines = plain(draw_book(exchange, 3)).splitlines()
        assert "$92,233,720,368,547,758.06" in lines[1]
        assert "1,000,000,000,000,000" in lines[3]
