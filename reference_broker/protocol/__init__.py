"""The sans-IO state machines of a connection and its channels."""
