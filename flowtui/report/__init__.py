"""Runs as documents for programs and as pictures for people, all without the app."""
