"""Toxiproxy's HTTP API on our proxy, so that any Toxiproxy client drives it."""

from .server import DEFAULT_PORT, ToxiproxyServer

__all__ = ["DEFAULT_PORT", "ToxiproxyServer"]
