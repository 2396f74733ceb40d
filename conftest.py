"""Loads the suites' pytest plugin, and nothing else."""

pytest_plugins = ["suites.plugin"]
