"""Watch, understand and resume Metaflow runs in the terminal."""

__version__ = "0.1.0"
