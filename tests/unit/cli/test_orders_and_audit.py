"""``nanodesk orders`` and ``nanodesk audit``: what they print, and their exit codes."""

import json

import pytest

from nanodesk.cli.app import run_command
from nanodesk.oms.journal import Journal
from nanodesk.oms.order_engine import OrderEngine
from scripted_broker import ScriptedBroker, an_order


@pytest.fixture
def journal(tmp_path):
    broker, path = ScriptedBroker(), tmp_path / "orders.db"
    with Journal.open(path) as journal:
        engine = OrderEngine(broker, journal)
        engine.begin_run("r1")
        engine.submit(an_order("a"))
        broker.fill("a", fee=1)
        engine.poll()
        engine.begin_run("r2")
        broker.script.extend(["refuse", "never"])
        engine.submit(an_order("b"))
        engine.submit(an_order("c", symbol="IBM"))
    return path


def ask(capsys, *arguments):
    code = run_command([str(argument) for argument in arguments])
    return code, capsys.readouterr()


class TestOrders:
    def test_table(self, journal, capsys):
        code, printed = ask(capsys, "orders", "--journal", journal)
        assert code == 0 and "filled" in printed.out and "-2010 no money" in printed.out and "unknown" in printed.out
        assert "IBM is blocked: nothing is known of c" in printed.err

    def test_json(self, journal, capsys):
        code, printed = ask(capsys, "orders", "--journal", journal, "--json")
        values = json.loads(printed.out)
        assert code == 0 and values["schema"] == "nanodesk.orders/1" and len(values["orders"]) == 3
        first = values["orders"][0]
        assert (first["filled"], first["average_price"], first["fees"]) == ("100", "100", {"USD": "1"})
        assert values["positions"] == {"AAPL": "100"} and "IBM" in values["blocked"]

    @pytest.mark.parametrize(
        ("option", "names"), [(["--run", "r1"], ["a"]), (["--open"], ["c"]), ([], ["a", "b", "c"])]
    )
    def test_choice(self, journal, capsys, option, names):
        _, printed = ask(capsys, "orders", "--journal", journal, "--json", *option)
        assert [order["client_order_id"] for order in json.loads(printed.out)["orders"]] == names

    def test_while_a_writer_is_at_work(self, journal, capsys):
        with Journal.open(journal):
            assert ask(capsys, "orders", "--journal", journal)[0] == 0

    def test_missing_journal(self, tmp_path, capsys):
        code, printed = ask(capsys, "orders", "--journal", tmp_path / "none.db")
        assert code == 1 and "does not exist" in printed.err and not (tmp_path / "none.db").exists()


class TestAudit:
    def test_export_verify_restore(self, journal, tmp_path, capsys):
        out, copy = tmp_path / "audit.jsonl", tmp_path / "copy.db"
        commands = [
            ("verify", journal), ("export", "--journal", journal, "--out", out), ("verify", out),
            ("restore", out, "--journal", copy), ("verify", copy),
        ]  # fmt: skip
        hashes = set()
        for command in commands:
            code, printed = ask(capsys, "audit", *command, "--json")
            assert code == 0
            hashes.add(json.loads(printed.out)["head_hash"])
        assert len(hashes) == 1
        assert "sound; last hash" in ask(capsys, "audit", "verify", out)[1].out

    @pytest.mark.parametrize("name", ["orders.db", "audit.jsonl"])
    def test_damage_is_exit_code_5(self, journal, tmp_path, capsys, name):
        ask(capsys, "audit", "export", "--journal", journal, "--out", tmp_path / "audit.jsonl")
        place = tmp_path / name
        content = bytearray(place.read_bytes())
        content[len(content) // 2] ^= 1
        place.write_bytes(content)
        code, printed = ask(capsys, "audit", "verify", place)
        assert code == 5 and str(place) in printed.err

    @pytest.mark.parametrize("at", [0, 100])
    def test_export_saves_what_sqlite_cannot_open(self, journal, tmp_path, capsys, at):
        with Journal.open(journal, read_only=True) as source:
            events = len(list(source.read()))
        content = bytearray(journal.read_bytes())
        content[at] ^= 0xFF
        journal.write_bytes(content)
        out, copy = tmp_path / "audit.jsonl", tmp_path / "copy.db"
        code, printed = ask(capsys, "audit", "export", "--journal", journal, "--out", out)
        saved = json.loads(ask(capsys, "audit", "verify", out, "--json")[1].out)["events"] if out.exists() else 0
        assert (code, saved) == (5, events) and "events were saved" in printed.err
        assert ask(capsys, "audit", "restore", out, "--journal", copy)[0] == 0
        assert ask(capsys, "orders", "--journal", copy)[0] == 0

    def test_help_names_the_commands(self, capsys):
        assert all(word in ask(capsys, "audit", "--help")[1].out for word in ("verify", "export", "restore"))
