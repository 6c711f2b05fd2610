"""Reading TOML from outside: limits before parsing, and the file, line and key of every fault."""
