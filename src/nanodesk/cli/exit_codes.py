"""What the exit code of a command says."""

DONE = 0
FAILED = 1
USAGE = 2
REFUSED_BY_RISK = 3
BROKER = 4
DATA = 5
DRIFT = 6
INTERRUPTED = 130
