"""What brokers keep: restarts, kills in mid-load, and the judging of what clients saw."""
