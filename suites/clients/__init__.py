"""Clients that the suites drive brokers with; `raw` may write illegal frames."""
