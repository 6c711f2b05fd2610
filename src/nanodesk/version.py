"""The version, stated here alone: the build asks ``tools/print_version.py`` for it."""

__version__ = "0.1.0"
