"""What all rooms share: errors, receipts, files that exist only whole, logs, redaction, health, cloud credentials.

What serves one room alone lives there.
"""
