"""The experiment on anonymous queues, in parts: kinds of queues, endings, one cell, the watch."""
