"""The opening of a connection: Start, Tune, Open (specification 1.4.2)."""

import platform
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from reference_broker.broker.access import User
from reference_broker.version import VERSION
from reference_broker.wire.errors import AnnouncedError, HardError, WireError
from reference_broker.wire.framing import method_frame
from reference_broker.wire.spec import FRAME_MIN_SIZE
from reference_broker.wire.tables import decode_table

from .admission import admit
from .security import EXTERNAL

if TYPE_CHECKING:
    from .session import Session

# What RabbitMQ advertises and this broker has.
CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "consumer_priorities": True,
    "authentication_failure_close": True,
    "per_consumer_qos": True,
    "direct_reply_to": True,
}
MECHANISMS = "PLAIN AMQPLAIN"
LOCAL_USER = "guest"  # whose password everybody knows: from this machine only, as in RabbitMQ

RABBITMQ = "3.10.8"  # whose semantics these are


def start(session: "Session") -> None:
    """Greet the client."""
    session.send(_greeting(_mechanisms(session)))


@cache
def _greeting(mechanisms: str) -> bytes:
    return method_frame(
        0,
        "connection.start",
        version_major=0,
        version_minor=9,
        server_properties={
            "capabilities": CAPABILITIES,
            "product": "mqproof reference broker",
            "version": VERSION,
            "platform": f"{platform.python_implementation()} {platform.python_version()}",
            "copyright": "The mqproof authors",
            "information": "A reference broker with RabbitMQ's semantics, for tests",
        },
        mechanisms=mechanisms,
        locales="en_US",
    )


def _mechanisms(session: "Session") -> str:
    """Those on offer: EXTERNAL to clients that were asked for a certificate, as RabbitMQ does."""
    security = session.transport.security
    return f"{MECHANISMS} {EXTERNAL}" if security is not None and security.asks else MECHANISMS


def start_ok(
    session: "Session",
    client_properties: dict[str, Any],
    mechanism: str,
    response: bytes,
    locale: str,  # noqa: ARG001  RabbitMQ does not look at it either
) -> None:
    """Judge who the client says it is, and propose the limits."""
    session.client_properties = client_properties
    session.mechanism = mechanism
    session.user = _authenticate(session, mechanism, response)
    config = session.hub.config
    session.call(
        0,
        "connection.tune",
        channel_max=config.channel_max,
        frame_max=config.frame_max,
        heartbeat=config.heartbeat,
    )


def _authenticate(session: "Session", mechanism: str, response: bytes) -> User:
    user = _user(session, mechanism, response)
    if user is not None and (user.name != LOCAL_USER or session.transport.local):
        return user
    if session.capable("authentication_failure_close"):
        text = (
            f"Login was refused using authentication mechanism {mechanism}. "
            "For details see the broker logfile."
        )
        raise AnnouncedError(403, text)
    raise HardError(403, "login refused")


def _user(session: "Session", mechanism: str, response: bytes) -> User | None:
    """Who has proven to be whom; None for a wrong proof. Raises HardError for an unusable one."""
    access, security = session.hub.broker.access, session.transport.security
    if mechanism == EXTERNAL and security is not None and security.asks:
        return access.users.get(security.login)
    read = _MECHANISMS.get(mechanism)
    credentials = read(response) if read else None
    if credentials is None:
        raise HardError(403, f"unusable response for mechanism {mechanism!r}")
    return access.authenticate(*credentials)


def _plain(response: bytes) -> tuple[str, str] | None:
    """RFC 4616: authorisation id, user, password, each after a NUL but the first."""
    parts = response.split(b"\x00")
    if len(parts) != 3 or parts[0]:  # noqa: PLR2004  RabbitMQ wants no authorisation id
        return None
    return _decoded(parts[1], parts[2])


def _amqplain(response: bytes) -> tuple[str, str] | None:
    """A field table without its length: LOGIN and PASSWORD."""
    try:
        table, _end = decode_table(len(response).to_bytes(4, "big") + response, 0)
    except WireError:
        return None
    login, password = table.get("LOGIN"), table.get("PASSWORD")
    if isinstance(login, str) and isinstance(password, str):
        return login, password
    return None


def _decoded(user: bytes, password: bytes) -> tuple[str, str]:
    return user.decode(errors="replace"), password.decode(errors="replace")


_MECHANISMS: dict[str, Callable[[bytes], tuple[str, str] | None]] = {
    "PLAIN": _plain,
    "AMQPLAIN": _amqplain,
}


def tune_ok(session: "Session", channel_max: int, frame_max: int, heartbeat: int) -> None:
    """Take the client's limits, which may be lower than the broker's and never higher."""
    config = session.hub.config
    session.channel_max = _negotiated("channel_max", config.channel_max, channel_max, 1)
    session.frame_max = _negotiated("frame_max", config.frame_max, frame_max, FRAME_MIN_SIZE)
    session.heartbeat = heartbeat
    session.protocol.tuned(session.frame_max)
    session.transport.tuned(heartbeat)


def _negotiated(name: str, offered: int, asked: int, minimum: int) -> int:
    """What the client asked for. 0 stands for no limit, allowed only where none was offered."""
    if asked and asked < minimum:
        raise HardError(530, f"negotiated {name} = {asked} is lower than the minimum ({minimum})")
    if offered and (not asked or asked > offered):
        raise HardError(530, f"negotiated {name} = {asked} is higher than allowed ({offered})")
    return asked


def open_(session: "Session", virtual_host: str) -> None:
    """Let the client into a vhost, or refuse with 530."""
    assert session.user is not None  # noqa: S101  the phase table
    admit(session.hub, virtual_host, session.user)
    vhost = session.hub.broker.open_vhost(virtual_host, session.user)
    session.enter(vhost, session.user)
    session.call(0, "connection.open-ok")


def update_secret(session: "Session", new_secret: bytes, reason: str) -> None:  # noqa: ARG001
    """A new token: passwords do not expire, so RabbitMQ takes note and changes nothing."""
    session.call(0, "connection.update-secret-ok")


STEPS: dict[str, Callable[..., None]] = {
    "connection.start-ok": start_ok,
    "connection.tune-ok": tune_ok,
    "connection.open": open_,
    "connection.update-secret": update_secret,
}
