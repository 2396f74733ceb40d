"""The parts of a run: which cases there are, and how one is run and repeated.

A case is one connection, made from `SEED/INDEX`. Many cases share a world, so that what one leaves
behind can meet the next; a finding is repeated on a world of its own first, and if that shows
nothing its case is kept as it is.
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from suites.fuzz import octets, text
from suites.fuzz.finding import RECORDED, Finding, shrink
from suites.fuzz.mutation import mutate
from suites.fuzz.program import Program
from suites.fuzz.sockets import Arena
from suites.fuzz.world import BrokenError, Client, World, objects

_TOGETHER = 100  # cases that share a vhost
_GROWTH = 100  # objects of the broker that caches may still grow by after the first cases
_WARM = 3  # rounds until they are full


class Part(ABC):
    """Cases of one kind; `frames` counts what was written, frames or text commands."""

    def __init__(self) -> None:
        self.frames = 0
        self.cases = 0
        self.told = ""  # what `finish` had to say
        self.writes: list[bytes] = []  # by the last case

    @abstractmethod
    def run(self, case: str) -> None:
        """Run one case. Raises BrokenError."""

    def finish(self) -> str:
        """All cases are over: what there is to say of it. Raises BrokenError."""
        return ""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""


class Amqp(Part):
    """Programs that know the protocol, on a broker in memory."""

    durable = False

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="mqproof-fuzz-") if self.durable else None
        self._world = World(Path(self._folder.name) if self._folder else None)
        self._level = 0

    def run(self, case: str) -> None:
        """One connection, then the canary, now and then time, and from time to time the level."""
        self.cases += 1
        self.writes = []
        client = Client(self._world)
        for data in self._steps(case, client):
            self.writes.append(data)
        client.end()
        self._world.sing()
        if self.cases % 10 == 0:
            self._world.advance(1)
        if self.cases % _TOGETHER == 0:
            self._world.clear()
            self._check_level()

    def _steps(self, case: str, client: Client) -> Iterator[bytes]:
        program = Program(case)
        while not client.over and (data := program.step()):
            yield data
            for piece in _split(case, data):
                program.told([m.channel for m in client.feed(piece) if m.name == "channel.close"])
        self.frames += program.frames

    def _check_level(self) -> None:
        """The broker is back at its level, so that nothing of the cases is left. BrokenError."""
        rounds = self.cases // _TOGETHER
        if rounds < _WARM or (rounds > _WARM and rounds % 10):
            return
        level = objects()
        if rounds == _WARM:
            self._level = level
        elif level > self._level + _GROWTH:
            raise BrokenError(f"{level} objects of the broker, {self._level} after a like round")

    def close(self) -> None:
        """Remove the data directory."""
        self._world.close()
        if self._folder is not None:
            self._folder.cleanup()


class Durable(Amqp):
    """The same on a data directory, from which the broker starts again after every round."""

    durable = True


class Mutated(Amqp):
    """Recorded sessions with octets changed."""

    def _steps(self, case: str, client: Client) -> Iterator[bytes]:
        rng = Random(case)  # noqa: S311  what a seed repeats
        writes = rng.choice(recorded())
        data = mutate(rng, b"".join(writes))
        start = 0
        while start < len(data) and not client.over:
            size = rng.choice((1, 20, 300, 300, 5000))
            piece = data[start : start + size]
            start += size
            yield piece
            client.feed(piece)
        self.frames += round(len(writes) * min(1, start / max(1, len(data)))) or 1


class Text(Part):
    """Clients of the text protocol, on the front end `kind`."""

    kind = ""

    def __init__(self) -> None:
        super().__init__()
        self._world = text.TextWorld(self.kind)

    def run(self, case: str) -> None:
        """One connection, then the canary."""
        self.cases += 1
        self.writes = list(text.pieces(case))
        self.frames += max(1, b"".join(self.writes).count(b"\n"))
        self._world.run(self.writes)
        if self.cases % _TOGETHER == 0:
            self._world = text.TextWorld(self.kind)

    def close(self) -> None:
        """There is nothing but memory."""


def _text(kind: str) -> type[Text]:
    return type(kind, (Text,), {"kind": kind, "__doc__": Text.__doc__})


class Sockets(Part):
    """AMQP and text together, against a process."""

    def __init__(self) -> None:
        super().__init__()
        self._arena = Arena()

    def run(self, case: str) -> None:
        """One connection to each port."""
        self.cases += 1
        self._arena.run(case)
        self.writes = self._arena.writes
        self.frames = self._arena.frames

    def finish(self) -> str:
        """What the process holds in the end."""
        return self._arena.finish()

    def close(self) -> None:
        """End the process."""
        self._arena.close()


class Share(NamedTuple):
    """A part, and its share of a run's frames."""

    make: type[Part]
    share: float


SOCKETS = "sockets"
PARTS: dict[str, Share] = {
    "amqp": Share(Amqp, 0.55),
    "durable": Share(Durable, 0.1),
    "mutated": Share(Mutated, 0.15),
    **{kind: Share(_text(kind), 0.05) for kind in text.FRONTS},
    SOCKETS: Share(Sockets, 0.05),
}


@cache
def recorded() -> Sequence[list[bytes]]:
    """The sessions that real clients had."""
    return [octets.read(path)[1] for path in sorted(RECORDED.glob("*.hex"))]


def run(
    name: str,
    frames: int,
    seed: int,
    tell: Callable[[Part], None] = lambda _part: None,
    tell_end: Callable[[Part], None] = lambda _part: None,
) -> Finding | None:
    """Run cases until so many frames are written; the first finding, shrunk where it repeats."""
    part = PARTS[name].make()
    case = ""
    try:
        while part.frames < frames:
            case = f"{seed}/{part.cases}"
            part.run(case)
            tell(part)
        part.told = f"; {told}" if (told := part.finish()) else ""
        tell_end(part)
    except BrokenError as error:
        return _smallest(Finding(name, case, str(error), part.writes))
    finally:
        part.close()
    return None


def _smallest(found: Finding) -> Finding:
    def fails(writes: list[bytes]) -> bool:
        try:
            replay(found.part, writes)
        except BrokenError as error:
            return str(error).partition(":")[0] == found.told.partition(":")[0]
        return False

    if not fails(found.writes):
        return found
    return Finding(found.part, found.case, found.told, shrink(found.writes, fails))


def replay(name: str, writes: list[bytes]) -> None:
    """Let a new world read these octets. Raises BrokenError."""
    if name in text.FRONTS:
        text.TextWorld(name).run(writes)
        return
    with tempfile.TemporaryDirectory(prefix="mqproof-fuzz-") as folder:
        world = World(Path(folder) if name == "durable" else None)
        client = Client(world)
        for data in writes:
            if not client.over:
                client.feed(data)
        client.end()
        world.sing()
        world.advance(1)
        world.clear()
        world.close()


def _split(case: str, data: bytes) -> list[bytes]:
    """The octets as a socket may give them: whole, or torn into two."""
    cut = (len(case) * 7919 + len(data) * 31) % (2 * len(data))
    return [data[:cut], data[cut:]] if 0 < cut < len(data) else [data]
