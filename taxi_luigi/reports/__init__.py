"""How things are shown: the grid of `taxi-luigi status` and its JSON, the lines of `verify`, the HTML page.

Reads the inventory and the history; decides nothing."""
