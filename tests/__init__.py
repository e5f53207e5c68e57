"""Tests of flowtui; the flows they run are in `tests/flows/`."""
