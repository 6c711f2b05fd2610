"""Order ids only grow, across restarts and resets of the gateway's counter."""

from __future__ import annotations

import pytest

from nanodesk.brokers.ibkr.order_ids import LARGEST_ORDER_ID, OrderIds
from nanodesk.errors import BrokerError


class TestOrderIds:
    def test_ids_follow_the_gateway_s_counter(self):
        ids = OrderIds()
        ids.raise_to(42)
        assert [ids.take(), ids.take()] == [42, 43]

    def test_a_counter_that_was_set_back_is_not_followed(self):
        ids = OrderIds()
        ids.raise_to(42)
        ids.take()
        ids.raise_to(1)
        assert ids.take() == 43

    def test_ids_of_an_earlier_process_are_not_used_again(self, tmp_path):
        path = tmp_path / "ids.json"
        used = {OrderIds(path).take() for _ in range(3)}
        later = OrderIds(path)
        assert len(used) == 3 and later.take() > max(used)

    def test_a_thousand_ids_cost_one_write(self, tmp_path):
        path = tmp_path / "ids.json"
        ids = OrderIds(path)
        ids.take()
        before = path.stat().st_mtime_ns
        for _ in range(998):
            ids.take()
        assert path.stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        "text",
        ["", "{}", "[]", "null", '{"schema":2,"order_ids_reserved_below":5}', '{"schema":1}', "[" * 5000]
        + [f'{{"schema":1,"order_ids_reserved_below":{value}}}' for value in ("0", "-1", '"5"', "1e400", "1e99")],
    )
    def test_a_file_that_is_not_ours_is_refused(self, tmp_path, text):
        path = tmp_path / "ids.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(BrokerError, match="reserved order ids"):
            OrderIds(path)

    def test_ids_end_before_those_of_requests(self):
        ids = OrderIds()
        ids.raise_to(LARGEST_ORDER_ID)
        assert ids.take() == LARGEST_ORDER_ID
        with pytest.raises(BrokerError, match="another client_id"):
            ids.take()
