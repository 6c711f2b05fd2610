"""From target weights to orders."""
