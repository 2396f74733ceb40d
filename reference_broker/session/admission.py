"""Who may open one connection or channel more: the limits of vhosts, users and the whole broker.

See https://www.rabbitmq.com/docs/vhosts#limits and https://www.rabbitmq.com/docs/user-limits. A
limit of 0 lets nobody in, a negative one everybody; who is in already stays.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reference_broker.broker.access import User
from reference_broker.wire.errors import AnnouncedError, HardError

if TYPE_CHECKING:
    from .hub import Hub

_CONNECTIONS, _CHANNELS = "max-connections", "max-channels"


def admit(hub: "Hub", vhost: str, user: User) -> None:
    """Refuse one open connection more than may be. Raises AnnouncedError 530."""
    held = hub.broker.vhosts.get(vhost)
    if held is not None:
        inside = sum(session.inside(held) for session in hub.sessions) if held.limits else 0
        if _reached(held.limits, _CONNECTIONS, inside):
            raise AnnouncedError(
                530,
                f"access to vhost '{vhost}' refused for user '{user.name}': connection limit "
                f"({held.limits[_CONNECTIONS]}) is reached",
            )
    own = sum(session.open_for(user) for session in hub.sessions) if user.limits else 0
    if _reached(user.limits, _CONNECTIONS, own):
        raise AnnouncedError(
            530,
            f"connection refused for user '{user.name}': user connection limit "
            f"({user.limits[_CONNECTIONS]}) is reached",
        )


def admit_channel(hub: "Hub", user: User) -> None:
    """Refuse one channel more than the broker or the user may have open. Raises HardError 530."""
    most = hub.config.channel_max_per_node
    if most and sum(len(session.channels) for session in hub.sessions) >= most:
        raise HardError(
            530,
            "number of channels opened on the node has reached the maximum allowed limit of "
            f"({most})",
            (20, 10),
        )
    own = sum(len(session.channels) for session in hub.sessions if session.open_for(user))
    if _reached(user.limits, _CHANNELS, own):
        raise HardError(
            530,
            f"number of channels opened for user '{user.name}' has reached the maximum allowed "
            f"user limit of ({user.limits[_CHANNELS]})",
            (0, 0),
        )


def _reached(limits: Mapping[str, int], name: str, count: int) -> bool:
    return 0 <= limits.get(name, -1) <= count
