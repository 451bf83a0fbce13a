"""Append: drops duplicates, stamps, chains and writes events, one transaction a batch. Acknowledged means durable."""
