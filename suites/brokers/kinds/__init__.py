"""One file a kind of broker; each gives a `KIND` that the registry finds."""
