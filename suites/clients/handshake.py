"""The parts of the opening handshake that a client chooses, with what RabbitMQ's clients say."""

from typing import Any

from suites.brokers.base import Endpoint

# Written out: the suites must not share a misreading with the reference broker's tables.
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


def client_properties(capabilities: dict[str, bool] | None = None) -> dict[str, Any]:
    """What the raw client says of itself; `capabilities` in place of all that there are."""
    chosen = CAPABILITIES if capabilities is None else capabilities
    return {"product": "mqproof raw client", "version": "1", "capabilities": chosen}


def sasl_response(mechanism: str, user: str, password: str) -> bytes:
    """The initial response of a mechanism that has one message: PLAIN, EXTERNAL, ANONYMOUS."""
    if mechanism == "PLAIN":
        return b"\0" + user.encode() + b"\0" + password.encode()
    return b""


def start_ok(
    endpoint: Endpoint,
    *,
    user: str | None = None,
    password: str | None = None,
    mechanism: str = "PLAIN",
    capabilities: dict[str, bool] | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """The arguments of connection.start-ok; `overrides` replaces any of them."""
    login = endpoint.user if user is None else user
    secret = endpoint.password if password is None else password
    return {
        "client_properties": client_properties(capabilities),
        "mechanism": mechanism,
        "response": sasl_response(mechanism, login, secret),
        "locale": "en_US",
        **overrides,
    }
