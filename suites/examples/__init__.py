"""Tests as the developers of applications write them; the README shows them as they stand here."""
