"""Where runs come from: one module per kind of metadata, all behind the same protocol."""
