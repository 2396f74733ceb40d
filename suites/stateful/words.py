"""The short forms of what a broker says: the model writes them, and what came is brought to them.

An event is a text in a lane. Within a lane the order counts; between lanes nothing fixes it.
"""

from collections import defaultdict

Lanes = dict[str, list[str]]
"""What was said in one step: texts by lane."""


def lanes() -> defaultdict[str, list[str]]:
    """None yet."""
    return defaultdict(list)


def replies(connection: str, channel: int) -> str:
    """The lane of what answers a method, and of the ends of channels and connections."""
    return f"{connection}.{channel}"


def publisher(connection: str, channel: int) -> str:
    """The lane of returns and confirms."""
    return f"{connection}.{channel} publisher"


def consumer(connection: str, channel: int, tag: str) -> str:
    """The lane of one consumer."""
    return f"{connection}.{channel} consumer {tag}"


def declared(queue: str, messages: int, consumers: int) -> str:
    """queue.declare-ok."""
    return f"queue.declare-ok {queue} messages={messages} consumers={consumers}"


def counted(name: str, messages: int) -> str:
    """queue.delete-ok and queue.purge-ok."""
    return f"{name} messages={messages}"


def closed(name: str, code: int, blamed: tuple[int, int]) -> str:
    """channel.close or connection.close."""
    return f"{name} {code} for {blamed[0]}.{blamed[1]}"


def message(exchange: str, key: str, body: str) -> str:
    """What a deliver, a get-ok and a return have in common."""
    return f"{body} exchange={exchange or '(default)'} key={key!r}"


def delivered(exchange: str, key: str, body: str, *, redelivered: bool) -> str:
    """basic.deliver."""
    again = " redelivered" if redelivered else ""
    return f"basic.deliver {message(exchange, key, body)}{again}"


def got(exchange: str, key: str, body: str, *, redelivered: bool, left: int) -> str:
    """basic.get-ok."""
    again = " redelivered" if redelivered else ""
    return f"basic.get-ok {message(exchange, key, body)}{again} left={left}"


def returned(code: int, exchange: str, key: str, body: str) -> str:
    """basic.return."""
    return f"basic.return {code} {message(exchange, key, body)}"


def confirmed(number: int, *, taken: bool) -> str:
    """What a publisher learns of its message, whether or not with others at once."""
    return f"{'basic.ack' if taken else 'basic.nack'} of publish {number}"
