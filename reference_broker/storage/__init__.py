"""The durable store behind the broker's ports."""
