"""Suites that hurt a broker's links, processes and clients."""
