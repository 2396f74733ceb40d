"""Moves octets on many connections at once, in one thread, until every peer is done.

One thread, so that publishing and consuming never wait for each other's turn at the interpreter.
"""

import selectors
from abc import ABC, abstractmethod

from suites.bench.errors import PATIENCE, BenchError
from suites.bench.link import READ_SIZE, Link

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Peer(ABC):
    """What one connection sends and awaits."""

    def __init__(self, wire: Link) -> None:
        self.wire = wire

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether all was sent and all that was awaited has come."""

    @property
    @abstractmethod
    def progress(self) -> str:
        """How far it is, for the error when nothing moves any more."""

    @property
    def sending(self) -> bool:
        """Whether it has something to send now."""
        return False

    def write(self) -> None:
        """Send what the socket takes; asked only of a peer that has something to send."""
        raise NotImplementedError

    @abstractmethod
    def read(self, data: memoryview) -> None:
        """Take what has come."""


def pump(*peers: Peer) -> None:
    """Serve all peers until they are done; BenchError if nothing moves for PATIENCE seconds."""
    buffer = memoryview(bytearray(READ_SIZE))
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            if early := peer.wire.take_pending():
                peer.read(memoryview(early))
            selector.register(peer.wire.socket, _events(peer), peer)
        while not all(peer.done for peer in peers):
            ready = selector.select(PATIENCE)
            if not ready:
                states = "; ".join(peer.progress for peer in peers if not peer.done)
                raise BenchError(f"nothing moved for {PATIENCE:g} s: {states}")
            for key, events in ready:
                peer = key.data
                if events & _WRITE:
                    peer.write()
                if events & _READ:
                    peer.read(buffer[: peer.wire.read_into(buffer)])
                if (wanted := _events(peer)) != key.events:
                    selector.modify(peer.wire.socket, wanted, peer)


def _events(peer: Peer) -> int:
    return _READ | _WRITE if peer.sending else _READ
