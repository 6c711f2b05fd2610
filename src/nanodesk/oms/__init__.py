"""The life of an order: durable intents, the state machine, recovery after a crash, reconciliation, audit."""
