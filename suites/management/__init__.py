"""What operators see of a broker: its command line."""
