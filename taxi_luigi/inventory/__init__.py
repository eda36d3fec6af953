"""What each place holds of each month, and what follows: the plan, the state of every month, verify, read_trips.

Asks lakes, warehouses and workspace; changes nothing but in `plan.drop_spent`.
"""
