"""Adapters of brokers behind one port."""
