"""The shared vocabulary: values only, no engine."""
