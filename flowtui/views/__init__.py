"""What the views of a run show, worked out from its store: pure, incremental where it counts."""
