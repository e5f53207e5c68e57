"""Widgets: each draws one thing of the model; none knows where it came from."""
