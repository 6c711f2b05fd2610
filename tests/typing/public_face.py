"""Types a user relies on; checked by the strict type checker, never run."""

from typing import assert_type

from nanodesk.market.enums import Side
from nanodesk.market.instrument import Instrument
from nanodesk.market.units import PriceCents, to_cents

assert_type(to_cents(1.5), PriceCents)
assert_type(Side.parse("buy"), Side)
assert_type(Instrument("ESH4", tick_size=25).notional(100, 2), int)
