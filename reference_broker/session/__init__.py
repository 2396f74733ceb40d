"""Joins protocol and broker: what each method of a client does."""
