"""The watched book: its flow, what is gathered of it, how it is drawn, and the keys."""

import asyncio

import pytest
from rich.text import Text

from nanodesk.book.exchange import Exchange
from nanodesk.cli.lob_watch.drawing import (
    DARK,
    LIGHT,
    Row,
    draw_gauge,
    draw_heads,
    draw_ladder,
    draw_line,
    draw_tape,
    ladder_rows,
    price_step,
)
from nanodesk.cli.lob_watch.market import TAPE_LENGTH, Market, Print
from nanodesk.cli.lob_watch.order_flow import ReplayFlow, SyntheticFlow


def book(*orders):
    exchange = Exchange()
    for side, price, quantity in orders:
        exchange.submit_limit(side, price, quantity)
    return exchange


def luminance(color):
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestSyntheticFlow:
    def test_same_seed_same_book(self):
        hashes = []
        for _ in range(2):
            flow = SyntheticFlow(5)
            for _ in range(2_000):
                flow.step()
            hashes.append(flow.exchange.state_hash())
        assert hashes[0] == hashes[1]

    def test_restart_begins_the_same_again(self):
        flow = SyntheticFlow(5)
        first = [flow.step() for _ in range(300)]
        flow.restart()
        assert [flow.step() for _ in range(300)] == first

    @pytest.mark.parametrize("seed", range(5))
    def test_the_market_stays_alive(self, seed):
        flow = SyntheticFlow(seed)
        for _ in range(20_000):
            flow.step()
        snapshot = flow.exchange.full_book()
        orders = sum(level.order_count for level in (*snapshot.bids, *snapshot.asks))
        assert len(snapshot.bids) > 5
        assert len(snapshot.asks) > 5
        assert 50 < orders < 600
        assert 9_000 < snapshot.mid_price < 11_000


class TestReplayFlow:
    def test_replays_to_the_same_state(self):
        exchange = book(("buy", 9900, 10), ("sell", 10000, 10), ("buy", 10000, 4))
        exchange.submit_trailing_stop_market("sell", 9500, 5, "percentage", 0.05)
        exchange.cancel(1)
        flow = ReplayFlow(exchange, "log")
        told = [flow.step() for _ in range(6)]
        assert told[0] == "limit buy 10 @ $99.00"
        assert told[-2:] == ["cancel O1", None]
        assert flow.exchange.state_hash() == exchange.state_hash()
        assert Market(ReplayFlow(exchange, "log")).flow.length == 5


class TestMarket:
    def test_totals_are_those_of_the_trades(self):
        market = Market(SyntheticFlow(3))
        market.advance(5_000)
        assert market.steps == 5_000
        assert len(market.tape) == TAPE_LENGTH < market.trades
        assert market.tape[0].id == market.trades
        assert market.vwap == market.notional / market.volume
        assert market.flow.exchange.trades() == []

    def test_steps_at_once_or_one_by_one_are_the_same(self):
        whole, single = Market(SyntheticFlow(3)), Market(SyntheticFlow(3))
        whole.advance(500)
        for _ in range(500):
            single.advance(1)
        assert list(whole.tape) == list(single.tape)
        assert list(whole.mids) == list(single.mids)
        assert (whole.volume, whole.stops_triggered) == (single.volume, single.stops_triggered)

    def test_restart_forgets(self):
        market = Market(SyntheticFlow(3))
        market.advance(500)
        market.restart()
        assert (market.steps, market.volume, market.vwap, list(market.tape)) == (0, 0, None, [])


class TestPriceStep:
    @pytest.mark.parametrize(("gap", "step"), [(1, 1), (5, 5), (10, 10), (37, 50), (10_000, 10_000)])
    def test_best_levels_fit(self, gap, step):
        orders = [("buy", 10**6 - gap * n, 1) for n in range(1, 9)] + [("sell", 10**6 + gap * n, 1) for n in range(8)]
        assert price_step(book(*orders).full_book(), 20, 1) == step

    def test_an_empty_book_has_the_tick(self):
        assert price_step(Exchange().full_book(), 20, 25) == 25


class TestLadderRows:
    def test_rows_keep_every_quantity(self):
        snapshot = book(("buy", 99, 10), ("buy", 97, 5), ("sell", 101, 7), ("sell", 104, 2)).full_book()
        rows = ladder_rows(snapshot, 105, 1, 10)
        assert [row.price for row in rows] == list(range(105, 95, -1))
        assert sum(row.bid_quantity for row in rows) == 15
        assert sum(row.ask_quantity for row in rows) == 9
        assert {row.price: row.bid_behind for row in rows if row.price in (98, 97)} == {98: 10, 97: 15}
        assert {row.price: row.ask_behind for row in rows if row.price in (103, 104)} == {103: 7, 104: 9}

    def test_wider_rows_round_away_from_the_market(self):
        snapshot = book(("buy", 99, 10), ("buy", 96, 5), ("sell", 101, 7), ("sell", 104, 2)).full_book()
        rows = {row.price: row for row in ladder_rows(snapshot, 110, 5, 5)}
        assert rows[95].bid_quantity == 15
        assert rows[105].ask_quantity == 9
        assert rows[105].ask_orders == 2

    def test_both_sides_at_one_price_in_an_auction(self):
        exchange = Exchange()
        exchange.start_auction()
        exchange.submit_limit("buy", 100, 5)
        exchange.submit_limit("sell", 100, 3)
        row = ladder_rows(exchange.full_book(), 100, 1, 1)[0]
        assert (row.bid_quantity, row.ask_quantity) == (5, 3)


class TestDrawLadder:
    ROWS = (Row(101, ask_quantity=50, ask_orders=1, ask_behind=50), Row(100), Row(99, 100, 0, 2, 0, 100, 0))

    @pytest.mark.parametrize("width", [1, 20, 40, 61, 80, 200])
    def test_lines_are_equally_wide(self, width):
        lines = draw_ladder(self.ROWS, width, DARK, (99, True)).plain.split("\n")
        heads = draw_heads(self.ROWS, width, DARK).plain
        assert len({len(line) for line in (*lines, heads)}) == 1
        assert len(lines) == 3
        assert width < 41 or len(heads) <= width

    def test_bars_are_in_proportion_and_grow_from_the_middle(self):
        lines = draw_ladder(self.ROWS, 80, DARK, None).plain.split("\n")
        assert (lines[2].count("█"), lines[0].count("█"), lines[0].count("▌")) == (19, 9, 1)
        assert lines[2].split("$")[0].rstrip().endswith("100")

    def test_last_trade_is_marked(self):
        assert "▲ $0.99" in draw_ladder(self.ROWS, 80, DARK, (99, True)).plain
        assert "▼ $0.99" in draw_ladder(self.ROWS, 80, DARK, (99, False)).plain

    def test_a_tiny_quantity_is_seen(self):
        rows = (Row(101, ask_quantity=10**9, ask_orders=1), Row(100, ask_quantity=1, ask_orders=1))
        assert "▏" in draw_ladder(rows, 80, DARK, None).plain


class TestDrawTape:
    def test_newest_first_and_cut(self):
        prints = [Print(n, 10_000 + n, n, n % 2 == 0) for n in range(30, 0, -1)]
        lines = draw_tape(prints, 34, 5, DARK).plain.splitlines()
        assert len(lines) == 5
        assert lines[0].startswith("▲ $100.30      30  ━")
        assert lines[1].startswith("▼ $100.29")
        assert max(map(len, lines)) <= 34

    def test_nothing_traded(self):
        assert draw_tape([], 34, 5, DARK).plain == ""


class TestDrawGauge:
    @pytest.mark.parametrize("share", [None, -1.0, -0.3, 0.0, 0.3, 1.0])
    def test_width(self, share):
        gauge = draw_gauge(share, 21, DARK)
        assert isinstance(gauge, Text)
        assert gauge.cell_len == 21


class TestDrawLine:
    def test_a_slope_goes_from_corner_to_corner(self):
        assert draw_line(range(8), 4, 2) == ["⠀⠀⡠⠊", "⡠⠊⠀⠀"]

    def test_flat_and_empty(self):
        assert len(set(draw_line([5.0] * 8, 4, 1)[0])) == 1
        assert draw_line([], 3, 2) == ["\u2800" * 3] * 2

    def test_a_jump_is_whole(self):
        dots = sum(bin(ord(cell) - 0x2800).count("1") for line in draw_line([0, 1], 1, 4) for cell in line)
        assert dots == 16


class TestPalette:
    @pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
    @pytest.mark.parametrize("name", ["text", "muted", "bid", "ask", "accent", "last"])
    def test_text_can_be_read(self, palette, name):
        for under in (palette.background, palette.surface):
            light, dark = sorted((luminance(getattr(palette, name)), luminance(under)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.fixture
def watch():
    """Run a coroutine against the screen of a fresh market."""
    pytest.importorskip("textual")
    from nanodesk.cli.lob_watch.app import WatchApp

    def call(play, *, size=(120, 40), **options):
        async def main():
            app = WatchApp(Market(SyntheticFlow(7)), **options)
            async with app.run_test(size=size) as pilot:
                await play(app, pilot)

        asyncio.run(main())

    return call


def title(app):
    return str(app.query_one("#title").render())


class TestWatchApp:
    def test_step_runs_one_command_and_says_which(self, watch):
        async def play(app, pilot):
            await pilot.press("s", "s", "right")
            assert app.market.steps == 3
            assert app.is_paused
            assert app.market.last_command in title(app)

        watch(play, paused=True)

    def test_pause_and_go_on(self, watch):
        async def play(app, pilot):
            await pilot.press("space")
            assert not app.is_paused
            await pilot.press("space")
            steps = app.market.steps
            await pilot.pause(0.2)
            assert app.market.steps == steps

        watch(play, paused=True)

    def test_speed(self, watch):
        async def play(app, pilot):
            assert app.speed == 5
            await pilot.press("plus", "plus", "minus")
            assert app.speed == 10

        watch(play, paused=True, speed=6)

    @pytest.mark.parametrize(("key", "end"), [("minus", 1), ("plus", 20_000)])
    def test_speed_has_ends(self, watch, key, end):
        async def play(app, pilot):
            await pilot.press(key)
            assert app.speed == end

        watch(play, paused=True, speed=end)

    def test_light_and_dark(self, watch):
        async def play(app, pilot):
            assert app.palette is LIGHT
            await pilot.press("d")
            assert app.palette is DARK

        watch(play, paused=True, light=True)

    def test_restart(self, watch):
        async def play(app, pilot):
            await pilot.press("s", "s", "r")
            assert app.market.steps == 0

        watch(play, paused=True)

    @pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10), (10, 3)])
    def test_every_size(self, watch, size):
        async def play(app, pilot):
            app.market.advance(500)
            await pilot.press("s")
            await pilot.pause()
            assert app.query_one("#right").display == (size[0] >= 84)

        watch(play, size=size, paused=True)

    def test_numbers_of_any_size(self, watch):
        async def play(app, pilot):
            exchange = book(("buy", 2**62, 2**61), ("sell", 2**62, 2**60), ("sell", 2**63 - 2, 2**60))
            app.market.flow.exchange = exchange
            app.market.advance(0)
            await pilot.press("d")
            await pilot.pause()
            assert app.market.volume == 2**60
            measures = str(app.query_one("#measures").render())
            assert max(map(len, measures.splitlines())) <= 35

        watch(play, paused=True)

    def test_an_auction_tells_what_would_trade(self, watch):
        async def play(app, pilot):
            exchange = Exchange()
            exchange.start_auction()
            exchange.submit_limit("buy", 10_100, 30)
            exchange.submit_limit("sell", 9_900, 20)
            app.market.flow.exchange = exchange
            await pilot.press("d")
            assert "auction: 20 would trade at $101.00" in title(app)

        watch(play, paused=True)

    def test_an_empty_book(self, watch):
        async def play(app, pilot):
            app.market.flow.exchange = Exchange()
            await pilot.press("d")
            await pilot.pause()

        watch(play, paused=True)
