"""The matching engine: one instrument's venue, its event log and its views."""
