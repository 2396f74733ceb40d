"""How the things of a broker look in the API, in RabbitMQ's fields."""

import base64
import zlib
from decimal import Decimal
from math import isfinite
from typing import Any
from urllib.parse import quote_plus

from reference_broker.broker.access import Permission, User
from reference_broker.broker.exchange import Binding, Exchange
from reference_broker.broker.passwords import algorithm_of
from reference_broker.broker.policy import Policy
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.session.channel import Channel
from reference_broker.session.consuming import Consumer
from reference_broker.session.security import Security
from reference_broker.session.session import Session
from reference_broker.wire.tables import encode_table

Shape = dict[str, Any]


def plain(value: Any) -> Any:
    """A field of a table as JSON can hold it."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # for which JSON has no number
    return value


def exchange(vhost: VHost, held: Exchange) -> Shape:
    """An exchange; `policy` only where one counts, as RabbitMQ has it."""
    policy, _operator = vhost.policies.matching("exchanges", held.name)
    return {
        "name": held.name,
        "vhost": vhost.name,
        "type": held.type,
        "durable": held.durable,
        "auto_delete": held.auto_delete,
        "internal": held.internal,
        "arguments": plain(held.arguments),
        **({"policy": policy.name} if policy else {}),
    }


def queue(vhost: VHost, held: Queue, node: str) -> Shape:
    """A queue."""
    policy, operator = vhost.policies.matching("queues", held.name)
    owner = {}
    if isinstance(held.owner, Session):
        owner = {"owner_pid_details": connection_details(held.owner)}
    tags = [consumer.tag for consumer in consumers_of(held)]
    served = held.active_consumer
    return {
        "name": held.name,
        "vhost": vhost.name,
        "type": held.kind,
        "durable": held.durable,
        "auto_delete": held.auto_delete,
        "exclusive": held.exclusive,
        "arguments": plain(held.arguments),
        "node": node,
        "state": "running",
        "consumers": len(held.consumers),
        "messages": len(held) + held.unacked,
        "messages_ready": len(held),
        "messages_unacknowledged": held.unacked,
        "policy": policy.name if policy else None,
        "operator_policy": operator.name if operator else None,
        "effective_policy_definition": dict(vhost.policies.effective("queues", held.name)),
        "exclusive_consumer_tag": _first(tags, held.consumers and held.consumers[0].exclusive),
        "single_active_consumer_tag": served.tag if isinstance(served, Consumer) else None,
        **owner,
    }


def _first(tags: list[str], condition: Any) -> str | None:
    return tags[0] if condition and tags else None


def consumers_of(held: Queue) -> list[Consumer]:
    """The consumers of a queue that are AMQP clients."""
    return [consumer for consumer in held.consumers if isinstance(consumer, Consumer)]


def consumer(vhost: VHost, held: Consumer, node: str) -> Shape:
    """A consumer."""
    active = not held.queue.limits.single_active or held.queue.active_consumer is held
    return {
        "consumer_tag": held.tag,
        "queue": {"name": held.queue.name, "vhost": vhost.name},
        "ack_required": not held.no_ack,
        "exclusive": held.exclusive,
        "prefetch_count": held.limit,
        "arguments": {"x-priority": held.priority} if held.priority else {},
        "active": active,
        "activity_status": "up" if active else "waiting",
        "channel_details": {
            "name": channel_name(held.channel),
            "number": held.channel.number,
            "user": user_name(held.channel.session),
            "connection_name": held.channel.session.transport.name,
            "node": node,
            **_peer(held.channel.session),
        },
    }


def binding(vhost: VHost, held: Binding) -> Shape:
    """A binding."""
    return {
        "source": held.source.name,
        "vhost": vhost.name,
        "destination": held.destination.name,
        "destination_type": "exchange" if isinstance(held.destination, Exchange) else "queue",
        "routing_key": held.routing_key,
        "arguments": plain(held.arguments),
        "properties_key": properties_key(held),
    }


def properties_key(held: Binding) -> str:
    """What tells a binding from others between the same ends, in addresses."""
    key = quote_plus(held.routing_key)
    if not held.arguments:
        return key or "~"
    digest = zlib.crc32(encode_table(dict(sorted(held.arguments.items())))).to_bytes(4)
    return f"{key}~{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def user_name(session: Session) -> str:
    """Whose connection it is."""
    return session.user.name if session.user is not None else ""


def _peer(session: Session) -> Shape:
    host, _, port = session.transport.peer.rpartition(":")
    return {"peer_host": host, "peer_port": int(port) if port.isdigit() else 0}


def connection_details(session: Session) -> Shape:
    """A connection, as part of something else."""
    return {"name": session.transport.name, **_peer(session)}


def connection(session: Session, node: str) -> Shape:
    """An open connection."""
    own_host, _, own_port = session.transport.name.rpartition(" -> ")[2].rpartition(":")
    return {
        "name": session.transport.name,
        "user": user_name(session),
        "vhost": session.vhost.name,
        "host": own_host,
        "port": int(own_port),
        **_peer(session),
        "node": node,
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "ssl": session.transport.security is not None,
        **_security(session.transport.security),
        "auth_mechanism": session.mechanism,
        "state": session.state,
        "connected_at": int(session.since * 1000),
        "channels": len(session.channels),
        "channel_max": session.channel_max,
        "frame_max": session.frame_max,
        "timeout": session.heartbeat,
        "client_properties": plain(session.client_properties),
    }


def _security(security: Security | None) -> Shape:
    """What RabbitMQ tells of TLS, as far as it is known here."""
    if security is None:
        return {}
    return {
        "ssl_protocol": security.version,
        "peer_cert_subject": security.subject,
        "peer_cert_issuer": security.issuer,
    }


def channel_name(held: Channel) -> str:
    """A channel's name: that of its connection, with its number."""
    return f"{held.session.transport.name} ({held.number})"


def channel(held: Channel, node: str) -> Shape:
    """A channel."""
    session, transaction = held.session, held.transaction
    return {
        "name": channel_name(held),
        "number": held.number,
        "user": user_name(session),
        "vhost": session.vhost.name,
        "connection_details": connection_details(session),
        "node": node,
        "state": "running",
        "confirm": held.confirming,
        "transactional": transaction is not None,
        "consumer_count": len(held.consumers),
        "messages_unacknowledged": len(held.unacked),
        "messages_unconfirmed": 0,  # none from one turn of the event loop to the next
        "messages_uncommitted": len(transaction.publishes) if transaction else 0,
        "acks_uncommitted": len(transaction.settled) if transaction else 0,
        "prefetch_count": held.prefetch,
        "global_prefetch_count": held.shared_limit,
    }


def user(held: User) -> Shape:
    """A user; of the password only its hash."""
    return {
        "name": held.name,
        "password_hash": held.password_hash,
        "hashing_algorithm": algorithm_of(held.password_hash),
        "tags": sorted(held.tags),
        "limits": held.limits,
    }


def permission(held: User, vhost: str, rights: Permission) -> Shape:
    """What a user may do in a vhost."""
    return {
        "user": held.name,
        "vhost": vhost,
        "configure": rights.configure,
        "write": rights.write,
        "read": rights.read,
    }


def topic_permissions(held: User) -> list[Shape]:
    """Which keys a user may use."""
    return [
        {
            "user": held.name,
            "vhost": vhost,
            "exchange": exchange_name,
            "write": rights.write,
            "read": rights.read,
        }
        for (vhost, exchange_name), rights in held.topics.items()
    ]


def policy(vhost: VHost, held: Policy) -> Shape:
    """A policy, or an operator policy."""
    return {
        "vhost": vhost.name,
        "name": held.name,
        "pattern": held.pattern,
        "apply-to": held.apply_to,
        "definition": dict(held.definition),
        "priority": held.priority,
    }
