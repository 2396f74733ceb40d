"""Programs of memcached's text protocol: requests in pieces, and what each must be answered.

A model answers each command with a pattern of octets, literal but where the contract leaves a
choice. `$` in a request or reply stands for the run's prefix of keys, `@` for the number that the
last `gets` of the client gave out. Behind each request goes a `version`, whose reply ends the read.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from suites.clients.memcache import TextClient, show
from suites.stateful.campaign import Finding
from suites.stateful.stage import Mute
from suites.verify import Mismatch

PREFIX, UNIQUE = b"$", b"@"
UNORDERED = b"stats"
"""The command whose lines may come in any order."""
SENTINEL = b"version\r\n"
SENTINEL_REPLY = re.compile(rb"VERSION [^\r\n]*\r\n\Z")
NEVER_GIVEN = b"18446744073709551614"
"""A number for `cas` before any `gets`; no server gets so far."""
PATIENCE, HURRIED = 5.0, 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """What one client sends, where its octets are cut, and the pattern of the reply."""

    client: int
    octets: bytes
    cut: int
    reply: bytes
    unordered: bool = False
    """Whether the lines of the reply may come in any order."""


Requests = tuple[Request, ...]


class TextModel:
    """Answers commands, and says how to clean up after a program."""

    def answer(self, client: int, command: bytes) -> bytes:
        """The pattern of the reply to one command with its value."""
        raise NotImplementedError

    def cleaning(self) -> bytes:
        """Commands after which nothing is left."""
        raise NotImplementedError

    def alone(self, command: bytes) -> bool:
        """Whether a command must not share a request with others."""
        return command.startswith(UNORDERED)


def literal(reply: bytes) -> bytes:
    """The pattern that is this reply alone; prefix and number stay what they stand for."""
    parts = re.split(rb"([$@])", reply)
    return b"".join(part if part in {PREFIX, UNIQUE} else re.escape(part) for part in parts)


@dataclass(slots=True)
class _Peer:
    client: TextClient
    unique: bytes = NEVER_GIVEN


@dataclass(slots=True)
class TextStage:
    """One server on which programs are run, each with a prefix of its own."""

    host: str
    port: int
    label: str
    patience: float = PATIENCE
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, program: Requests, cleaning: bytes) -> tuple[int | None, bytes]:
        """Where it went wrong, and what was answered there; None and nothing if it did not."""
        prefix = b"twin%d." % next(self._numbers)
        peers: dict[int, _Peer] = {}
        try:
            for number, request in enumerate(program):
                peer = peers.get(request.client) or self._connect()
                peers[request.client] = peer
                came = self._exchange(peer, request, prefix)
                if came is not None:
                    return number, came
            return None, b""
        finally:
            for peer in peers.values():
                peer.client.close()
            self._clean(cleaning.replace(PREFIX, prefix))

    def _connect(self) -> _Peer:
        client = TextClient(self.host, self.port, Mute(), self.label)
        client.timeout = self.patience
        return _Peer(client)

    def _exchange(self, peer: _Peer, request: Request, prefix: bytes) -> bytes | None:
        """Send and read; what came if it is not as expected."""
        octets = request.octets.replace(PREFIX, prefix).replace(UNIQUE, peer.unique) + SENTINEL
        peer.client.send_pieces(octets, [request.cut] if request.cut < len(octets) else [])
        came = _read(peer.client)
        if request.unordered:
            came = b"".join(sorted(came.splitlines(keepends=True)))
        wanted = request.reply.replace(PREFIX, re.escape(prefix))
        found = re.fullmatch(wanted.replace(UNIQUE, rb"(\d+)"), came, re.DOTALL)
        if found is None:
            return came.replace(prefix, PREFIX)
        if found.groups():
            peer.unique = found.groups()[-1]
        return None

    def _clean(self, cleaning: bytes) -> None:
        peer = self._connect()
        peer.client.send(cleaning + SENTINEL)
        _read(peer.client)
        peer.client.close()


def _read(client: TextClient) -> bytes:
    """All up to the sentinel's reply, without that; what came before a silence or an end."""
    came = b""
    try:
        while not SENTINEL_REPLY.search(came):
            came += client.until(b"\r\n")
    except Mismatch as silence:
        return came + b"(" + silence.actual.encode() + b")"
    return SENTINEL_REPLY.sub(b"", came)


class TextContest:
    """One model and the servers that must answer as it does."""

    def __init__(
        self,
        what: str,
        addresses: Mapping[str, tuple[str, int]],
        model: Callable[[], TextModel],
        commands: Callable[[Any], st.SearchStrategy[bytes]],
    ) -> None:
        self.what = what
        self.subjects = list(addresses)
        self._model, self._commands = model, commands
        self._stages = [TextStage(*address, name) for name, address in addresses.items()]

    def programs(self) -> st.SearchStrategy[Requests]:
        """Up to 30 requests of one to three commands by two clients."""
        return _programs(self._model, self._commands)

    def differs(self, program: Requests) -> Finding | None:
        """Run it on each; the first that does not answer as the model does."""
        cleaning = self._model().cleaning()
        for stage in self._stages:
            place, came = stage.run(program, cleaning)
            if place is not None:
                return _finding(program, place, stage.label, came)
        return None

    def hurry(self) -> None:
        """Wait less for what will not come."""
        for stage in self._stages:
            stage.patience = HURRIED

    def close(self) -> None:
        """Nothing is held open between programs."""


@st.composite
def _programs(
    draw: Callable[[st.SearchStrategy[Any]], Any],
    make: Callable[[], TextModel],
    commands: Callable[[Any], st.SearchStrategy[bytes]],
) -> Requests:
    model = make()
    requests = []
    for _ in range(draw(st.integers(1, 30))):
        client = draw(st.integers(0, 1))
        sent, reply = b"", b""
        for _ in range(draw(st.integers(1, 3))):
            command = draw(commands(model))
            alone = model.alone(command)
            if not (alone and sent):
                sent += command
                reply += model.answer(client, command)
            if alone:
                break
        cut = draw(st.integers(1, max(1, len(sent))))
        requests.append(Request(client, sent, cut, reply, sent.startswith(UNORDERED)))
    return tuple(requests)


def _finding(program: Requests, place: int, label: str, came: bytes) -> Finding:
    shown = program[: place + 1]
    lines = []
    for request in shown:
        lines.append(f"  {request.client} > {show(request.octets)}")
        lines.append(f"  {request.client} < {show(request.reply)}")
    lines += [f"    {label}:", f"      < {show(came) or '(nothing)'}"]
    return Finding(
        title=f"{label}, request {place + 1}: {show(shown[-1].octets)}",
        transcript="\n".join(lines),
        program=[[r.client, r.octets.decode("latin-1"), r.cut] for r in shown],
        test=_as_test(shown),
    )


def _as_test(program: Sequence[Request]) -> str:
    lines = ['@pytest.mark.requirement("AREA/NAME")', "def test_name(client: TextClient) -> None:"]
    lines.append('    """What the server answers."""')
    for request in program:
        reply = re.sub(rb"\\(.)", rb"\1", request.reply, flags=re.DOTALL)
        lines.append(f"    client.call({request.octets!r}, {reply!r})  # client {request.client}")
    return "\n".join(lines) + "\n"
