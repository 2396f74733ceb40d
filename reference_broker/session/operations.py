"""What operators do to users, vhosts and connections while these are in use."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reference_broker.broker.access import User
from reference_broker.broker.vhost import VHost

if TYPE_CHECKING:
    from .hub import Hub
    from .session import Session

_FORCED = 320


def close(sessions: Iterable["Session"], reason: str) -> None:
    """Close connections, as if the operator's reason were the broker's."""
    for session in list(sessions):
        session.shut_down(_FORCED, reason)


def delete_user(hub: "Hub", user: User) -> None:
    """Delete a user and close all connections of it."""
    close((s for s in hub.sessions if s.user is user), f"user '{user.name}' is deleted")
    hub.broker.delete_user(user)


def delete_vhost(hub: "Hub", vhost: VHost) -> None:
    """Delete a vhost, closing all connections to it."""
    close((s for s in hub.sessions if s.inside(vhost)), f"vhost '{vhost.name}' is down")
    hub.broker.delete_vhost(vhost)
