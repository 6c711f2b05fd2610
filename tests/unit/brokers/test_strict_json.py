"""What is read from a venue's JSON, and what is refused."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanodesk.brokers.strict_json import MAX_DEPTH, json_writer, parse_json
from nanodesk.errors import BrokerError


class TestParseJson:
    def test_numbers_stay_exact(self):
        assert parse_json(b"[0.1, 1e-8, 12345678901234567890]") == [
            Decimal("0.1"),
            Decimal("1e-8"),
            12345678901234567890,
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "nul",
            "NaN",
            "[Infinity]",
            "[-Infinity]",
            '{"a":1,"a":1}',
            '[{"b":{"a":1,"a":2}}]',
            "1e999",
            "1e-999",
            "1" * 5000,
            "0." + "1" * 5000,
            "[1] trailing",
            "[" * 100_000,
            "[" * 100 + "]" * 100,
            '{"a":' * 70 + "1" + "}" * 70,
            "'a'",
            '"\ud800',
        ],
    )
    def test_refuses(self, text):
        with pytest.raises(BrokerError, match="cannot be read"):
            parse_json(text)

    def test_refuses_bytes_that_are_no_text(self):
        with pytest.raises(BrokerError):
            parse_json(b"\xff\xfe")

    def test_refuses_a_document_above_the_bound(self):
        with pytest.raises(BrokerError, match="5 bytes are more than 4"):
            parse_json(b"[1,2]", max_bytes=4)

    def test_many_shallow_brackets_pass_with_brackets_in_strings(self):
        assert len(parse_json("[" + ",".join(['{"a[[":["]}"]}'] * 1000) + "]")) == 1000
        assert len(parse_json("[" + ",".join(['{"a\\"[[":["\\\\"]}'] * 1000) + "]")) == 1000

    def test_the_bound_of_depth_is_exact(self):
        wide = ",[]" * 100
        assert parse_json("[" * MAX_DEPTH + "1" + "]" * (MAX_DEPTH - 1) + wide + "]")
        with pytest.raises(BrokerError):
            parse_json("[" * (MAX_DEPTH + 1) + "1" + "]" * MAX_DEPTH + wide + "]")

    def test_the_error_never_quotes_the_document(self):
        with pytest.raises(BrokerError) as caught:
            parse_json('{"secret": "canary", oops')
        assert "canary" not in str(caught.value) + repr(caught.value.__cause__)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class TestJsonWriter:
    @given(_VALUES, st.booleans())
    def test_writes_what_the_standard_library_writes(self, value, sort_keys):
        expected = json.dumps(value, sort_keys=sort_keys, separators=(",", ":"))
        assert json_writer(sort_keys=sort_keys)(value) == expected

    def test_writes_the_same_without_its_compiled_half(self, monkeypatch):
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
        assert json_writer(sort_keys=True)({"b": [1.5, "ü"], "a": None}) == '{"a":null,"b":[1.5,"\\u00fc"]}'

    def test_refuses_what_json_lacks(self):
        with pytest.raises(TypeError):
            json_writer()({"a": Decimal(1)})
