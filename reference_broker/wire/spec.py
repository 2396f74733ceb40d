"""The tables of AMQP 0-9-1 with RabbitMQ's extensions, as data.

A method line reads `class-id.method-id  class.method  argument:type …`. Arguments whose name starts
with `reserved` are on the wire and of no meaning. Source: the specification's method and constant
tables, RabbitMQ's published extensions. Two quirks are RabbitMQ's: exchange.unbind-ok is method 51,
and basic.recover is answered by recover-ok.
"""

from typing import NamedTuple

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

FRAME_METHOD = 1
FRAME_HEADER = 2
FRAME_BODY = 3
FRAME_HEARTBEAT = 8
FRAME_END = 0xCE
FRAME_MIN_SIZE = 4096
FRAME_OVERHEAD = 8  # seven octets before the payload, one after it

REPLY_CODES = {
    200: "reply-success",
    311: "content-too-large",
    312: "no-route",
    313: "no-consumers",
    320: "connection-forced",
    402: "invalid-path",
    403: "access-refused",
    404: "not-found",
    405: "resource-locked",
    406: "precondition-failed",
    501: "frame-error",
    502: "syntax-error",
    503: "command-invalid",
    504: "channel-error",
    505: "unexpected-frame",
    506: "resource-error",
    530: "not-allowed",
    540: "not-implemented",
    541: "internal-error",
}


class MethodSpec(NamedTuple):
    """One method: its name (`queue.declare-ok`), ids, and (argument, type) pairs in wire order."""

    name: str
    ids: tuple[int, int]
    arguments: tuple[tuple[str, str], ...]


_METHOD_TABLE = """
10.10 connection.start version_major:octet version_minor:octet server_properties:table mechanisms:longstr locales:longstr
10.11 connection.start-ok client_properties:table mechanism:shortstr response:longstr locale:shortstr
10.20 connection.secure challenge:longstr
10.21 connection.secure-ok response:longstr
10.30 connection.tune channel_max:short frame_max:long heartbeat:short
10.31 connection.tune-ok channel_max:short frame_max:long heartbeat:short
10.40 connection.open virtual_host:shortstr reserved_1:shortstr reserved_2:bit
10.41 connection.open-ok reserved_1:shortstr
10.50 connection.close reply_code:short reply_text:shortstr class_id:short method_id:short
10.51 connection.close-ok
10.60 connection.blocked reason:shortstr
10.61 connection.unblocked
10.70 connection.update-secret new_secret:longstr reason:shortstr
10.71 connection.update-secret-ok
20.10 channel.open reserved_1:shortstr
20.11 channel.open-ok reserved_1:longstr
20.20 channel.flow active:bit
20.21 channel.flow-ok active:bit
20.40 channel.close reply_code:short reply_text:shortstr class_id:short method_id:short
20.41 channel.close-ok
30.10 access.request realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
30.11 access.request-ok ticket:short
40.10 exchange.declare reserved_1:short exchange:shortstr type:shortstr passive:bit durable:bit auto_delete:bit internal:bit no_wait:bit arguments:table
40.11 exchange.declare-ok
40.20 exchange.delete reserved_1:short exchange:shortstr if_unused:bit no_wait:bit
40.21 exchange.delete-ok
40.30 exchange.bind reserved_1:short destination:shortstr source:shortstr routing_key:shortstr no_wait:bit arguments:table
40.31 exchange.bind-ok
40.40 exchange.unbind reserved_1:short destination:shortstr source:shortstr routing_key:shortstr no_wait:bit arguments:table
40.51 exchange.unbind-ok
50.10 queue.declare reserved_1:short queue:shortstr passive:bit durable:bit exclusive:bit auto_delete:bit no_wait:bit arguments:table
50.11 queue.declare-ok queue:shortstr message_count:long consumer_count:long
50.20 queue.bind reserved_1:short queue:shortstr exchange:shortstr routing_key:shortstr no_wait:bit arguments:table
50.21 queue.bind-ok
50.30 queue.purge reserved_1:short queue:shortstr no_wait:bit
50.31 queue.purge-ok message_count:long
50.40 queue.delete reserved_1:short queue:shortstr if_unused:bit if_empty:bit no_wait:bit
50.41 queue.delete-ok message_count:long
50.50 queue.unbind reserved_1:short queue:shortstr exchange:shortstr routing_key:shortstr arguments:table
50.51 queue.unbind-ok
60.10 basic.qos prefetch_size:long prefetch_count:short global_:bit
60.11 basic.qos-ok
60.20 basic.consume reserved_1:short queue:shortstr consumer_tag:shortstr no_local:bit no_ack:bit exclusive:bit no_wait:bit arguments:table
60.21 basic.consume-ok consumer_tag:shortstr
60.30 basic.cancel consumer_tag:shortstr no_wait:bit
60.31 basic.cancel-ok consumer_tag:shortstr
60.40 basic.publish reserved_1:short exchange:shortstr routing_key:shortstr mandatory:bit immediate:bit
60.50 basic.return reply_code:short reply_text:shortstr exchange:shortstr routing_key:shortstr
60.60 basic.deliver consumer_tag:shortstr delivery_tag:longlong redelivered:bit exchange:shortstr routing_key:shortstr
60.70 basic.get reserved_1:short queue:shortstr no_ack:bit
60.71 basic.get-ok delivery_tag:longlong redelivered:bit exchange:shortstr routing_key:shortstr message_count:long
60.72 basic.get-empty reserved_1:shortstr
60.80 basic.ack delivery_tag:longlong multiple:bit
60.90 basic.reject delivery_tag:longlong requeue:bit
60.100 basic.recover-async requeue:bit
60.110 basic.recover requeue:bit
60.111 basic.recover-ok
60.120 basic.nack delivery_tag:longlong multiple:bit requeue:bit
85.10 confirm.select no_wait:bit
85.11 confirm.select-ok
90.10 tx.select
90.11 tx.select-ok
90.20 tx.commit
90.21 tx.commit-ok
90.30 tx.rollback
90.31 tx.rollback-ok
"""  # noqa: E501  one method a line is what makes the table readable


def _parse(line: str) -> MethodSpec:
    ids, name, *arguments = line.split()
    class_id, method_id = map(int, ids.split("."))
    pairs = tuple((a, t) for a, t in (argument.split(":") for argument in arguments))
    return MethodSpec(name, (class_id, method_id), pairs)


METHODS = {spec.name: spec for spec in map(_parse, _METHOD_TABLE.strip().splitlines())}
METHODS_BY_ID = {spec.ids: spec for spec in METHODS.values()}

CONTENT_METHODS = frozenset({"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"})
BASIC_CLASS = 60

# The properties of class basic, from flag bit 15 downwards.
PROPERTIES = (
    ("content_type", "shortstr"),
    ("content_encoding", "shortstr"),
    ("headers", "table"),
    ("delivery_mode", "octet"),
    ("priority", "octet"),
    ("correlation_id", "shortstr"),
    ("reply_to", "shortstr"),
    ("expiration", "shortstr"),
    ("message_id", "shortstr"),
    ("timestamp", "timestamp"),
    ("type", "shortstr"),
    ("user_id", "shortstr"),
    ("app_id", "shortstr"),
    ("cluster_id", "shortstr"),
)
