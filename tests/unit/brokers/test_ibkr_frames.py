"""Framing of the TWS socket, and the reader of fields."""

from __future__ import annotations

import struct

import pytest

from nanodesk.brokers.ibkr.frames import MAX_FRAME_BYTES, FieldReader, FrameBuffer, frame, frame_body, split_body
from nanodesk.errors import FeedError, TruncatedMessageError, ValidationError


class TestFrame:
    def test_numbers_text_truth_and_nothing_become_fields(self):
        assert split_body(frame([3, "AAPL", True, False, None, 1.5])[4:]) == ["3", "AAPL", "1", "0", "", "1.5"]

    def test_a_nul_inside_a_field_is_refused(self):
        with pytest.raises(ValidationError, match="NUL"):
            frame(["A\0B"])


class TestFrameBuffer:
    def test_bodies_come_out_whatever_the_pieces(self):
        stream = frame([1, 2]) + frame([3]) + frame(["x" * 1000])
        for size in (1, 2, 3, 5, 7, 1000, 5000):
            buffer = FrameBuffer()
            bodies = [body for at in range(0, len(stream), size) for body in buffer.feed(stream[at : at + size])]
            assert [split_body(body) for body in bodies] == [["1", "2"], ["3"], ["x" * 1000]]
            assert buffer.pending_bytes == 0

    def test_a_length_of_two_gibibytes_is_not_believed(self):
        buffer = FrameBuffer()
        with pytest.raises(FeedError, match="2147483647 bytes"):
            list(buffer.feed(struct.pack(">I", 2**31 - 1) + b"x" * 10))

    def test_the_largest_length_is_waited_for(self):
        buffer = FrameBuffer()
        assert list(buffer.feed(struct.pack(">I", MAX_FRAME_BYTES) + b"x")) == []


class TestSplitBody:
    def test_an_empty_body_is_refused(self):
        with pytest.raises(FeedError, match="empty"):
            split_body(b"")

    def test_a_body_that_ends_within_a_field_is_refused(self):
        with pytest.raises(TruncatedMessageError, match="does not end"):
            split_body(b"9\x001\x0042")

    def test_bytes_that_are_no_text_are_kept_as_escapes(self):
        assert split_body(b"4\x00\xff\xfe\x00") == ["4", "\\xff\\xfe"]

    def test_too_many_fields_are_refused(self):
        with pytest.raises(FeedError, match="more than 100000"):
            split_body(b"\0" * 100_001)

    def test_framing_is_undone(self):
        assert frame_body(b"9\0") == frame([9])


class TestFieldReader:
    def read(self, *fields: str) -> FieldReader:
        return FieldReader(fields, "Test", start=0)

    def test_amounts_are_exact_where_a_float_is_not(self):
        assert self.read("9007199254.740993").amount_e9("price") == 9_007_199_254_740_993_000

    @pytest.mark.parametrize("unset", ["", "1.7976931348623157E308", "1.7976931348623157e308"])
    def test_unset_amounts_are_none(self, unset):
        assert self.read(unset).amount_e9("price") is None

    @pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "0x10", "1,5", "1.0000000001", " 1", "٣"])
    def test_what_is_no_exact_amount_is_refused_by_name(self, text):
        with pytest.raises(FeedError, match="Test: price="):
            self.read(text).amount_e9("price")

    def test_means_are_rounded_to_nine_places(self):
        assert self.read("185.0333333333333333").mean_e9("avgPrice") == 185_033_333_333

    @pytest.mark.parametrize("text", ["nan", "inf", "1e40", "x", "9" * 100])
    def test_what_is_no_mean_is_refused(self, text):
        with pytest.raises(FeedError, match="avgPrice"):
            self.read(text).mean_e9("avgPrice")

    def test_a_mean_below_every_place_is_zero(self):
        assert self.read("1e-400").mean_e9("avgPrice") == 0

    @pytest.mark.parametrize(("text", "number"), [("", 5), ("2147483647", 5), ("0", 0), ("-1", -1)])
    def test_whole_numbers_and_their_absence(self, text, number):
        assert self.read(text).integer("n", 5) == number

    @pytest.mark.parametrize("text", ["1.0", "1_0", "--1", "٣", "9" * 19, "+1"])
    def test_what_is_no_whole_number_is_refused(self, text):
        with pytest.raises(FeedError, match="n="):
            self.read(text).integer("n")

    def test_a_message_that_ends_early_names_the_field(self):
        reader = self.read("1")
        reader.skip()
        with pytest.raises(TruncatedMessageError, match="before orderId"):
            reader.integer("orderId")
