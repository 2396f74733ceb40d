"""The record of a run, and the pages that show it."""
