"""One broker on which programs are run, one after the other, each with names of its own.

After each step the stage waits, within bounds, until what the model expects has been said and each
queue holds what the model expects; a broker that does so needs no waiting at all. What is said
later, or beyond it, is found at one of the next steps, at the latest at the last round trips.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.received import Delivery, Received
from suites.clients.transcript import Transcript
from suites.stateful.model import Rest
from suites.stateful.normalise import Confirms, Event, Names, events
from suites.stateful.program import (
    ALIAS,
    BODY,
    CONNECT,
    DELIVERY,
    DROP,
    PROPERTIES,
    SYMBOL,
    Program,
    Step,
)
from suites.verify import Mismatch

CONTROL = 1000
"""The channel on which the stage looks; programs use low numbers."""
PATIENCE = 5.0
"""Seconds for what is expected to come; RabbitMQ takes milliseconds when it is idle."""
POLL = 0.002
MISSING, LOCKED = 404, 405


class Mute(Transcript):
    """Keeps nothing: a program is short, and its own transcript is of another kind."""

    def note(self, label: str, direction: str, text: str) -> None:
        """Nothing."""

    @property
    def _full(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed after one step."""

    events: tuple[Event, ...]
    queues: Mapping[str, tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class _Came:
    """A delivery's identity and tag."""

    step: int
    queue: str
    body: str
    tag: int


class Wire(RawClient):
    """A client whose inbox can be emptied without waiting."""

    def arrived(self) -> list[Received]:
        """All methods that have been read, but those of the control channel."""
        found = [received for received in self._inbox if received.channel != CONTROL]
        self._inbox = [received for received in self._inbox if received.channel == CONTROL]
        return found

    def wait(self, timeout: float) -> bool:
        """Read one frame more; False if none came, or the connection ended."""
        before = len(self._inbox)
        with contextlib.suppress(Mismatch):
            while len(self._inbox) == before:
                self._wait("a method", time.monotonic() + timeout, timeout)
        return len(self._inbox) > before

    def round_trip(self, channel: int) -> None:
        """As `sync`, but what came meanwhile stays, and an end of the channel is no Mismatch."""
        passive: dict[str, Any] = {"exchange": "amq.direct", "type": "direct", "passive": True}
        self.send(channel, "exchange.declare", **passive)
        looked = 0
        while True:
            for index in range(looked, len(self._inbox)):
                came = self._inbox[index]
                if came.channel == channel and came.name == "exchange.declare-ok":
                    del self._inbox[index]
                    return
                if came.name == "connection.close":
                    return
                if came.channel == channel and came.name == "channel.close":
                    return
            looked = len(self._inbox)
            if not self.wait(PATIENCE):
                return


@dataclass(slots=True)
class _Peer:
    """One connection of the program, with what the stage has to remember of it."""

    wire: Wire
    closed: bool = False
    ended: bool = False
    confirms: dict[int, Confirms] = field(default_factory=dict)
    consumers: dict[tuple[int, str], str] = field(default_factory=dict)
    getting: dict[int, str] = field(default_factory=dict)
    came: dict[int, list[_Came]] = field(default_factory=dict)
    current: dict[int, str] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)


class Stage:
    """The broker at an endpoint; close it when done."""

    def __init__(self, endpoint: Endpoint, label: str) -> None:
        self.endpoint = endpoint
        self.label = label
        self.patience = PATIENCE
        self._numbers = count(1)
        self._spare: list[Wire] = []
        self._observer = self._connect()

    def run(self, program: Program, rests: Sequence[Rest]) -> list[Seen]:
        """Run it until it ends or is not as expected; what was seen, a step at a time."""
        run = _Run(self, Names(f"twin{next(self._numbers)}."))
        try:
            return list(run.steps(program, rests))
        finally:
            run.clean(program)

    def connect(self) -> Wire:
        """A connection with its control channel: one that was left in order, or a new one."""
        return self._spare.pop() if self._spare else self._connect()

    def take_back(self, wire: Wire) -> None:
        """The program needs it no more, and it is in order."""
        self._spare.append(wire)

    @property
    def observer(self) -> Wire:
        """A connection that no program has."""
        if self._observer.link.ended:
            self._observer = self._connect()
        return self._observer

    def close(self) -> None:
        """Close all connections."""
        for wire in (self._observer, *self._spare):
            wire.close()

    def _connect(self) -> Wire:
        wire = Wire(self.endpoint, transcript=Mute())
        try:
            wire.handshake()
            wire.open_channel(CONTROL)
        except BaseException:
            wire.close()
            raise
        return wire


class _Run:
    """One program on one broker."""

    def __init__(self, stage: Stage, names: Names) -> None:
        self.stage = stage
        self.names = names
        self.peers: dict[str, _Peer] = {}
        self.number = 0

    def steps(self, program: Program, rests: Sequence[Rest]) -> Iterator[Seen]:
        """Step by step; ends early when a step is not as expected."""
        for step, rest in zip(program, rests, strict=True):
            self.number += 1
            seen = self._step(step, rest)
            yield seen
            if not matches(seen, rest):
                return
        yield self._last(rests[-1] if rests else Rest({}, {}, {}, frozenset()))

    def _step(self, step: Step, rest: Rest) -> Seen:
        found = self._act(step)
        deadline = time.monotonic() + self.stage.patience
        while (lacking := _lacking(found, rest)) and time.monotonic() < deadline:
            peer = self.peers.get(lacking)
            if peer is None or not peer.wire.wait(deadline - time.monotonic()):
                break
            found += self._collect()
        if self._needs_sync(step):
            self.peers[step.connection].wire.round_trip(step.channel)
        queues = self._watch(rest, deadline)
        found += self._collect()
        return Seen(tuple(found), queues)

    def _last(self, rest: Rest) -> Seen:
        """Round trips on all channels, after which nothing more may have come."""
        for peer in self.peers.values():
            if not peer.ended:
                for channel in sorted(peer.open):
                    peer.wire.round_trip(channel)
        return Seen(
            tuple(self._collect()), self._watch(rest, time.monotonic() + self.stage.patience)
        )

    # doing

    def _act(self, step: Step) -> list[Event]:
        if step.action == CONNECT:
            if (former := self.peers.get(step.connection)) is not None:
                former.wire.link.close()
            self.peers[step.connection] = _Peer(self.stage.connect())
            return []
        peer = self.peers[step.connection]
        if step.action == DROP:
            peer.ended = True
            peer.wire.link.reset()
            return []
        self._note(peer, step)
        self._send(peer, step)
        return self._collect()

    def _note(self, peer: _Peer, step: Step) -> None:
        """Remember what the answers will not repeat."""
        channel, arguments = step.channel, step.arguments
        if step.action == "channel.open":
            peer.open.add(channel)
            for kept in (peer.confirms, peer.came, peer.current, peer.getting):
                kept.pop(channel, None)
        elif step.action == "confirm.select":
            peer.confirms.setdefault(channel, Confirms())
        elif step.action == "basic.publish" and channel in peer.confirms:
            peer.confirms[channel].publish()
        elif step.action == "queue.declare":
            peer.current[channel] = arguments.get("queue") or str(arguments.get(ALIAS))
        elif step.action in {"basic.consume", "basic.get"}:
            queue = arguments.get("queue") or peer.current.get(channel, "")
            if step.action == "basic.get":
                peer.getting[channel] = queue
            else:
                tag = arguments.get("consumer_tag") or str(arguments.get(ALIAS))
                peer.consumers[channel, tag] = queue

    def _send(self, peer: _Peer, step: Step) -> None:
        wire = peer.wire
        arguments = self._arguments(peer, step)
        if step.action == "basic.publish":
            properties = arguments.pop(PROPERTIES, {})
            exchange, key = arguments.pop("exchange", ""), arguments.pop("routing_key", "")
            body = arguments.pop(BODY).encode()
            wire.publish(step.channel, exchange, key, body, **arguments, **properties)
        else:
            wire.send(step.channel, step.action, **arguments)

    def _arguments(self, peer: _Peer, step: Step) -> dict[str, Any]:
        arguments = {name: self.names.real(value) for name, value in step.arguments.items()}
        arguments.pop(ALIAS, None)
        if arguments.pop(DELIVERY, None) is not None:
            arguments["delivery_tag"] = self._tag(peer, step)
        return arguments

    def _tag(self, peer: _Peer, step: Step) -> int:
        """The tag of the delivery that the step names; see `methods.together` for multiple."""
        queue, body = step.arguments[DELIVERY]
        came = peer.came.get(step.channel, [])
        found = [one for one in came if (one.queue, one.body) == (queue, body)]
        if not found:
            return 0
        last = found[-1]
        group = [one for one in came if one.step == last.step]
        if step.arguments.get("multiple") and len({one.queue for one in group}) > 1:
            return max(one.tag for one in group)
        return last.tag

    def _needs_sync(self, step: Step) -> bool:
        """Whether a step has no answer that would say that it was done."""
        peer = self.peers.get(step.connection)
        if peer is None or peer.ended or step.channel not in peer.open:
            return False
        return not step.has_reply

    # observing

    def _collect(self) -> list[Event]:
        found: list[Event] = []
        for name, peer in self.peers.items():
            for came in peer.wire.arrived():
                found += self._heard(name, peer, came)
        return found

    def _heard(self, name: str, peer: _Peer, came: Received) -> list[Event]:
        channel = came.channel
        if came.name == "connection.close":
            peer.ended = True
            peer.wire.answer_close(came)
        elif came.name == "connection.close-ok":
            peer.ended = True
            peer.wire.link.close()  # as is ours to do: RabbitMQ waits for it
        elif came.name == "channel.close":
            peer.open.discard(channel)
            peer.wire.send(channel, "channel.close-ok")
        elif came.name == "channel.close-ok":
            peer.open.discard(channel)
        elif came.name == "queue.declare-ok":
            self._learn(peer.current.get(channel, ""), came["queue"])
        elif came.name == "basic.consume-ok":
            self._learn_consumer(peer, channel, came["consumer_tag"])
        elif isinstance(came, Delivery) and came.name != "basic.return":
            self._keep(peer, came)
        return events(name, came, self.names, peer.confirms.get(channel))

    def _learn(self, symbol: str, name: str) -> None:
        if symbol.startswith(f"{SYMBOL}g") and self.names.symbolic(name) == name:
            self.names.learn(symbol, name)

    def _learn_consumer(self, peer: _Peer, channel: int, tag: str) -> None:
        if self.names.symbolic(tag) == tag and (channel, tag) not in peer.consumers:
            known = [symbol for at, symbol in peer.consumers if at == channel]
            self.names.learn(known[-1], tag)

    def _keep(self, peer: _Peer, came: Delivery) -> None:
        channel = came.channel
        if came.name == "basic.get-ok":
            queue = peer.getting.get(channel, "")
        else:
            tag = self.names.symbolic(came["consumer_tag"])
            queue = peer.consumers.get((channel, tag), "")
        kept = _Came(self.number, queue, came.body.decode(), came["delivery_tag"])
        peer.came.setdefault(channel, []).append(kept)

    def _watch(self, rest: Rest, deadline: float) -> dict[str, tuple[int, int] | None]:
        """Look at the queues until they are as expected, or the time is over."""
        while True:
            seen = self._look(rest)
            if all(seen[name] == wanted for name, wanted in rest.queues.items()) and not any(
                seen[name] for name in rest.gone
            ):
                return seen
            if time.monotonic() > deadline:
                return seen
            time.sleep(POLL)

    def _look(self, rest: Rest) -> dict[str, tuple[int, int] | None]:
        """What each queue holds: messages that are ready, and consumers; None if it is not there.

        All that one connection may see is asked in one write.
        """
        asked: dict[Wire, list[str]] = {}
        for name in rest.queues:
            owner = self.peers.get(rest.owners.get(name, ""))
            wire = owner.wire if owner is not None and not owner.ended else self.stage.observer
            asked.setdefault(wire, []).append(name)
        seen: dict[str, tuple[int, int] | None] = {}
        for wire, queues in asked.items():
            for name in queues:
                wire.send(CONTROL, "queue.declare", queue=self.names.real(name), passive=True)
            for name in queues:
                seen[name] = self._answer(wire)
                if seen[name] is None:
                    seen |= dict.fromkeys(queues[queues.index(name) :])
                    break
        for name in rest.gone:
            seen[name] = self._exists(name)
        return seen

    def _answer(self, wire: Wire) -> tuple[int, int] | None:
        try:
            came = wire.find(CONTROL, "queue.declare-ok", "channel.close")
        except Mismatch:
            return None
        if came.name == "queue.declare-ok":
            return came["message_count"], came["consumer_count"]
        wire.send(CONTROL, "channel.close-ok")
        wire.open_channel(CONTROL)
        return None

    def _exists(self, name: str) -> tuple[int, int] | None:
        """What a queue that should be gone still holds; a locked one is there, too."""
        wire = self.stage.observer
        wire.send(CONTROL, "queue.declare", queue=self.names.real(name), passive=True)
        came = wire.find(CONTROL, "queue.declare-ok", "channel.close")
        if came.name == "queue.declare-ok":
            return came["message_count"], came["consumer_count"]
        wire.send(CONTROL, "channel.close-ok")
        wire.open_channel(CONTROL)
        return (-1, -1) if came["reply_code"] == LOCKED else None

    # afterwards

    def clean(self, program: Program) -> None:
        """Give connections that are in order back, and delete all that was made."""
        exclusive = any(step.arguments.get("exclusive") for step in program)
        for peer in self.peers.values():
            try:
                if exclusive or peer.ended:
                    peer.wire.close()
                else:
                    self._tidy(peer)
            except (Mismatch, OSError):
                peer.wire.close()
        for binding in _lasting(program):
            self._ask("exchange.unbind", binding)
        for kind in ("queue", "exchange"):
            for name in sorted(_named(program, kind)):
                self._ask(f"{kind}.delete", {kind: name})

    def _tidy(self, peer: _Peer) -> None:
        for channel in sorted(peer.open):
            peer.wire.call(channel, "channel.close", reply_code=200)
        peer.wire.arrived()
        self.stage.take_back(peer.wire)

    def _ask(self, method: str, arguments: Mapping[str, Any]) -> None:
        """A call on the observer's channel; a refusal only costs the channel."""
        wire = self.stage.observer
        with contextlib.suppress(Mismatch):
            wire.send(CONTROL, method, **self.names.real(arguments))
            came = wire.find(CONTROL, f"{method}-ok", "channel.close")
            if came.name == "channel.close":
                wire.send(CONTROL, "channel.close-ok")
                wire.open_channel(CONTROL)


def _named(program: Program, kind: str) -> set[str]:
    """The symbols of the queues or exchanges that a program declares."""
    declared = [step for step in program if step.action == f"{kind}.declare"]
    found = {str(step.arguments.get(kind) or step.arguments.get(ALIAS)) for step in declared}
    return {name for name in found if name.startswith(SYMBOL)}


def _lasting(program: Program) -> Iterator[Mapping[str, Any]]:
    """The bindings between exchanges that are always there, which nothing else would remove."""
    for step in program:
        ends = [str(step.arguments.get(end, "")) for end in ("source", "destination")]
        if step.action == "exchange.bind" and all(end.startswith("amq.") for end in ends):
            yield {name: held for name, held in step.arguments.items() if name != "no_wait"}


def by_lane(found: tuple[Event, ...] | list[Event]) -> dict[str, list[str]]:
    """The texts in their lanes."""
    sorted_: dict[str, list[str]] = {}
    for event in found:
        sorted_.setdefault(event.lane, []).append(event.text)
    return sorted_


def _lacking(found: list[Event], rest: Rest) -> str:
    """The connection that has something more to say; empty if none has."""
    said = by_lane(found)
    for lane, wanted in rest.lanes.items():
        if len(said.get(lane, ())) < len(wanted):
            return lane.partition(".")[0]
    return ""


def matches(seen: Seen, rest: Rest) -> bool:
    """Whether a step went as the model says."""
    return (
        by_lane(seen.events) == rest.lanes
        and all(seen.queues.get(name) == wanted for name, wanted in rest.queues.items())
        and not any(seen.queues.get(name) for name in rest.gone)
    )
