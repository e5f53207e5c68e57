"""Logs as they are stored: tails, line index, search, and what makes remote text safe to show."""
