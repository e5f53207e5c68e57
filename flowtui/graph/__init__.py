"""From a flow's steps to a picture of boxes and edges: layout, then drawing. No I/O."""
