"""The one error of an action: a sentence to show to whoever asked for it."""

from __future__ import annotations


class ActionError(Exception):
    """An action cannot be done. `str()` is a sentence that says why, and what helps.

    It may quote hostile text (paths, flow and run names): show it as data, without markup.
    """
