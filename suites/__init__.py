"""Suites that judge a broker, and the harness that runs them."""
