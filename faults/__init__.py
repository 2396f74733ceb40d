"""Fault injectors: each one seeded context manager that hurts one subject and restores it on leaving."""
