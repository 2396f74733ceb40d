"""Hostile input against the reference broker: seeded, repeatable, each finding kept as octets."""
