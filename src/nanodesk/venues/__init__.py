"""Loopback venues: look-alikes of brokers over the paper market, for rehearsals and tests."""
