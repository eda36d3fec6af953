"""What people look at: the grid of `taxi-luigi status`, the table of `verify`, the HTML page."""
