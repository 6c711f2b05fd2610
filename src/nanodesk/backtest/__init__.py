"""Weight schedules and callbacks turned into equity curves."""
