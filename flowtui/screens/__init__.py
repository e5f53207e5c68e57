"""Screens: each wires widgets, the store and the commands together."""
