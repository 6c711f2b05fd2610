"""The words of an exchange, each list in the order of the numbers that stand for them in ``kernels/records.pxd``."""

TIFS = ("gtc", "ioc", "fok", "gtd", "day")
SELF_TRADE = ("off", "cancel_newest", "cancel_oldest", "cancel_both", "decrement")
ALGORITHMS = ("price_time", "pro_rata", "split")
REFERENCES = ("bid", "ask", "mid")
CONTINGENCIES = ("oco", "ouo")
PHASES = ("continuous", "halted", "auction")
TRAILS = {
    "fixed": 1,
    "percentage": 2,
    "pct": 2,
    "sma_abs_change": 3,
    "atr": 3,
    "wilder_atr": 4,
}
TRAIL_TYPES = (None, "fixed", "percentage", "sma_abs_change", "wilder_atr")
NOTES = (
    "self_trade",
    "reduce_only",
    "contingent",
    "expired",
    "auction",
    "dropped",
    "triggered",
    "activated",
    "repriced",
    "parked",
    "rejected",
    "cascade_limit",
)
METHODS = (
    "submit_limit",
    "submit_market",
    "cancel",
    "modify",
    "reduce",
    "submit_stop_market",
    "submit_stop_limit",
    "submit_trailing_stop_market",
    "submit_trailing_stop_limit",
    "submit_pegged",
    "submit_bracket",
)
