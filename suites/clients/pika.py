"""pika, the client that most applications use, with deadlines, and its errors in our words."""

from typing import Any

import pika
from pika import exceptions

from suites.brokers.base import Endpoint
from suites.clients.link import CLOSED
from suites.verify import Mismatch

SOCKET_TIMEOUT = 10.0
BLOCKED_TIMEOUT = 30.0


def parameters(endpoint: Endpoint, **overrides: Any) -> pika.ConnectionParameters:
    """Connection parameters for the endpoint; `overrides` are pika's own names."""
    credentials = pika.PlainCredentials(endpoint.user, endpoint.password)
    tls = endpoint.tls
    name = tls and (tls.server_name or endpoint.host)
    chosen = {
        "host": endpoint.host,
        "port": endpoint.port,
        "virtual_host": endpoint.vhost,
        "credentials": credentials,
        "ssl_options": pika.SSLOptions(tls.context(), name) if tls else None,
        "socket_timeout": SOCKET_TIMEOUT,
        "stack_timeout": SOCKET_TIMEOUT,
        "blocked_connection_timeout": BLOCKED_TIMEOUT,
        **overrides,
    }
    return pika.ConnectionParameters(**chosen)


def mismatch(error: BaseException) -> Mismatch | None:
    """What the broker did to make pika raise this; None if it was not the broker."""
    for kind, name in (
        (exceptions.ChannelClosedByBroker, "channel.close"),
        (exceptions.ConnectionClosedByBroker, "connection.close"),
    ):
        if isinstance(error, kind):
            return Mismatch("no exception", f"{name} {error.reply_code}", error.reply_text)
    if isinstance(error, exceptions.StreamLostError | exceptions.ConnectionClosed):
        return Mismatch("no exception", CLOSED, str(error))
    if isinstance(error, exceptions.AMQPError):
        return Mismatch("no exception", type(error).__name__, str(error))
    return None


def close(connection: pika.BlockingConnection) -> None:
    """Close it whatever state it is in, its socket too."""
    try:
        if connection.is_open:
            connection.close()
    except exceptions.AMQPError:
        return  # the broker may have gone, or be at odds with this connection: the test's matter
