"""One run: the seam into Luigi's worker, what every task has in common, the look before it, signals, progress, its end.

Knows no single task: those are above, and name themselves to it.
"""
