"""What TLC publishes: record types, columns and their names over time, months, zones, published counts. Pure."""
