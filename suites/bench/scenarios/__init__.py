"""The scenarios: one file for each way in which a broker is used."""
