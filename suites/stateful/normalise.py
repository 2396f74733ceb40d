"""What came from a broker, brought to the forms in which two brokers can be compared.

This is the one place that says what the contract leaves open. What is made equal, and why:

- Names that the harness or the broker made up become symbols: they differ by nature.
- Delivery tags go: where two queues deliver to one channel in one step, nothing fixes who is first.
  A delivery is known by its consumer, body and place in the consumer's order instead.
- Texts lie in lanes, one for a channel's replies, one for its returns and confirms, one for each
  consumer; nothing fixes the order between lanes.
- Confirms are told one by one: a broker may use the multiple bit as it likes.
- Of a Close and a Return the code counts, and whom it blames; the wording is the broker's own.
- Times in x-death are when the run was. The order of its entries is not compared: RabbitMQ before
  3.13 reverses the older ones at every death (`dlx/x-death-order` in the expectations).
- Reply fields that say nothing of the program, such as channel.open-ok's, are left out.

What programs do not ask at all, since a broker's answer depends on chance or is documented as open:

- Competing consumers under a limit of their channel: who is first to see that there is room again
  is a race between a channel and a queue. One queue's consumers then are all of that channel.
- What comes back under a limit of its channel to a queue that has other messages or consumers, and
  transactions under such a limit: it races with the news that there is room again.
- A limit of the channel where a queue has a dead-letter exchange: what dies may come back to the
  queue, and races with the news that there is room again.
- The end of a connection, however it comes, while one of its channels holds what another one
  consumes: RabbitMQ ends the channels side by side, and in 5 of 40 tries (3 of 500 by
  Connection.Close) lost a message to the dead consumer (`connection/end-gives-back`).
- A limit of the channel set while what basic.get fetched is out: RabbitMQ counts that in.
- A consumer without acks on a channel with a limit: RabbitMQ's queue holds it back with the others
  of that channel once one of them has met the limit, though the limit is none of its business.
- The cancel of a single active consumer that leaves messages and others behind: RabbitMQ before 4.0
  serves the next one only when something else happens (`consume/sac-backlog` in the expectations).
- Settling in one go what several consumers of a channel have of one queue, by basic.recover or with
  multiple: RabbitMQ does it consumer by consumer, in the order of their tags, and serves the queue
  in between (`foreach_per_queue` of its rabbit_channel.erl), so that a later message overtakes.
- A time to live of 0 where a queue has priorities: RabbitMQ does not look whether a message that
  overtakes others has expired, and delivers it (`priority/ttl-overtaking` in the expectations).
- Times to live but 0 and a minute, and expiry of queues: programs take milliseconds.
- Quorum queues, whose replies depend on how far replication has got.

Of the key-value store (`key_value`), judged beside memcached 1.6.18:

- The number that `gets` gives out is any; a number that lost digits may have kept its width.
- `incr` of a value of white space is not asked: memcached reads on behind the value, so that the
  answer is whatever its memory holds.
- A `get` that is refused stands alone: memcached then drops the replies, not yet written, of the
  commands that came before it in one go.
- Delays of `flush_all`, and times to live of seconds, are not asked: programs take milliseconds.

Of the queues (`queue_text`) the lines of `stats queue` are brought into one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suites.clients.received import Delivery, Received
from suites.stateful import words
from suites.stateful.program import SYMBOL

UNNAMED_TIME = "(time)"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing said: its lane, its short form, and all further properties of a message."""

    lane: str
    text: str
    detail: str = ""


@dataclass(slots=True)
class Names:
    """Between the symbols of a program and the names of one run."""

    prefix: str
    _made_up: dict[str, str] = field(default_factory=dict)
    _symbols: dict[str, str] = field(default_factory=dict)

    def learn(self, symbol: str, name: str) -> None:
        """The broker has made up this name."""
        self._made_up[symbol] = name
        self._symbols[name] = symbol

    def real(self, value: Any) -> Any:
        """A value of a program as it goes over the wire."""
        if isinstance(value, str) and value.startswith(SYMBOL):
            return self._made_up.get(value, self.prefix + value[1:])
        if isinstance(value, Mapping):
            return {name: self.real(held) for name, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.real(held) for held in value]
        return value

    def symbolic(self, value: Any) -> Any:
        """A value that came, as a program would write it."""
        if isinstance(value, str):
            if value in self._symbols:
                return self._symbols[value]
            return SYMBOL + value[len(self.prefix) :] if value.startswith(self.prefix) else value
        if isinstance(value, Mapping):
            return {name: self.symbolic(held) for name, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.symbolic(held) for held in value]
        return value


@dataclass(slots=True)
class Confirms:
    """Which publishes of one channel wait for a confirm."""

    waiting: set[int] = field(default_factory=set)
    published: int = 0

    def publish(self) -> None:
        """One more has been sent."""
        self.published += 1
        self.waiting.add(self.published)

    def settled(self, tag: int, *, multiple: bool) -> list[int]:
        """Those that a confirm is about; one that was never sent stands for itself."""
        covered = sorted(n for n in self.waiting if n <= tag) if multiple else [tag]
        self.waiting.difference_update(covered)
        return covered


def events(
    connection: str, came: Received, names: Names, confirms: Confirms | None = None
) -> list[Event]:
    """What a method says, in the forms of `words`."""
    name, channel = came.name, came.channel
    if isinstance(came, Delivery):
        return [_content(connection, came, names)]
    if name in {"basic.ack", "basic.nack"}:
        numbers = (confirms or Confirms()).settled(came["delivery_tag"], multiple=came["multiple"])
        lane = words.publisher(connection, channel)
        taken = name == "basic.ack"
        return [Event(lane, words.confirmed(number, taken=taken)) for number in numbers]
    if name == "basic.cancel":
        tag = names.symbolic(came["consumer_tag"])
        return [Event(words.consumer(connection, channel, tag), name)]
    return [Event(words.replies(connection, channel), _method(came, names))]


def _method(came: Received, names: Names) -> str:
    name = came.name
    if name == "queue.declare-ok":
        queue = names.symbolic(came["queue"])
        return words.declared(queue, came["message_count"], came["consumer_count"])
    if name in {"queue.delete-ok", "queue.purge-ok"}:
        return words.counted(name, came["message_count"])
    if name in {"channel.close", "connection.close"}:
        return words.closed(name, came["reply_code"], (came["class_id"], came["method_id"]))
    if name in {"basic.consume-ok", "basic.cancel-ok"}:
        return f"{name} {names.symbolic(came['consumer_tag'])}"
    return name


def _content(connection: str, came: Delivery, names: Names) -> Event:
    exchange, key = names.symbolic(came["exchange"]), names.symbolic(came["routing_key"])
    body, detail = came.body.decode(), _properties(came.properties, names)
    if came.name == "basic.return":
        text = words.returned(came["reply_code"], exchange, key, body)
        return Event(words.publisher(connection, came.channel), text, detail)
    again = bool(came["redelivered"])
    if came.name == "basic.get-ok":
        left = came["message_count"]
        text = words.got(exchange, key, body, redelivered=again, left=left)
        return Event(words.replies(connection, came.channel), text, detail)
    lane = words.consumer(connection, came.channel, names.symbolic(came["consumer_tag"]))
    return Event(lane, words.delivered(exchange, key, body, redelivered=again), detail)


def _properties(properties: Mapping[str, Any], names: Names) -> str:
    shown = dict(properties)
    headers = dict(shown.pop("headers", None) or {})
    deaths = headers.pop("x-death", None)
    if headers or "headers" in properties:
        shown["headers"] = dict(sorted(headers.items()))
    if isinstance(deaths, list):
        entries = [{**death, "time": UNNAMED_TIME} for death in deaths]
        shown["x-death"] = sorted((dict(sorted(entry.items())) for entry in entries), key=repr)
    return " ".join(f"{name}={names.symbolic(value)!r}" for name, value in sorted(shown.items()))
