"""Much of everything for a long time: what it costs a broker, and that nothing is lost."""
