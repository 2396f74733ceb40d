"""Fault injectors: seeded context managers that hurt one subject and restore it on leaving."""
