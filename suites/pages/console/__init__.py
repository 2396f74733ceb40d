"""The page of the reference broker's management port, in a real browser on real traffic."""
