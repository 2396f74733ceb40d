"""A short look at a broker: who it is, what it claims and what it can, or why it does not start."""
