"""Toxiproxy's HTTP API on our proxy, so that any Toxiproxy client drives it; and such a client."""

from .client import ToxiproxyError, version
from .closers import ResetPeer, Timeout
from .remote import RemoteProxy
from .server import DEFAULT_PORT, ToxiproxyServer

__all__ = [
    "DEFAULT_PORT",
    "RemoteProxy",
    "ResetPeer",
    "Timeout",
    "ToxiproxyError",
    "ToxiproxyServer",
    "version",
]
