"""The pytest side of the suites: collection, fixtures, judging and recording."""
