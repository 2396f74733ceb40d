"""The experiment on dead publishes, in parts: who publishes, one cell, the ways to die."""
