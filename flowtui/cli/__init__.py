"""The command line: parse, pick, hand over."""
