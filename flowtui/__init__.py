"""Watch, understand and resume Metaflow runs in the terminal."""
