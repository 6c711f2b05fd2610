"""The torture of the live river: real processes, real SIGKILLs, venues that outlive their clients.

A venue runs in a process of its own. A client process plans, checks, sends, cancels and reconciles, and dies at a
chosen step. Another is started in its place. At the end the venue's truth is held against the journal. ``make torture``
runs all of it; a reduced form is in ``tests/integration/test_live_river_survives.py``.
"""
