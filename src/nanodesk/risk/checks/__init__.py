"""The 48 pre-trade checks, a module for each family; every one is a pure function."""
