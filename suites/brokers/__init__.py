"""Brokers under test, named by strings: `registry.parse("rabbitmq")` gives one to start."""
