"""How fast is a broker beside others, on this machine, in this run: `python -m suites.bench`."""
