"""Technical indicators by TA-Lib, under the project's names."""
