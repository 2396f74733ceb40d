"""What the operating system knows of a socket, so that the broker need not count it.

Linux keeps octets and times for each TCP connection (struct tcp_info, tcp(7)); nothing is known
elsewhere.
"""

import socket
import struct

from reference_broker.management.desk import Vitals

_INFO = getattr(socket, "TCP_INFO", None)
_LAST_RECEIVED = struct.Struct("=I")  # milliseconds since the last octet came
_LAST_RECEIVED_AT = 8 + 11 * 4
_OCTETS = struct.Struct("=QQ")  # acknowledged by the peer, received from it
_OCTETS_AT = 8 + 24 * 4 + 2 * 8
_SIZE = _OCTETS_AT + _OCTETS.size
UNKNOWN = Vitals(None, None, None)


def vitals_of(end: socket.socket | None) -> Vitals:
    """The silence and the octets of a connected socket, as far as they are known."""
    if end is None or _INFO is None:
        return UNKNOWN
    try:
        info = end.getsockopt(socket.IPPROTO_TCP, _INFO, _SIZE)
    except OSError:
        return UNKNOWN  # closed meanwhile, or no TCP
    if len(info) < _SIZE:
        return UNKNOWN  # a kernel before 4.1, or another system's layout
    (silent,) = _LAST_RECEIVED.unpack_from(info, _LAST_RECEIVED_AT)
    sent, received = _OCTETS.unpack_from(info, _OCTETS_AT)
    return Vitals(silent / 1000, received, sent)
