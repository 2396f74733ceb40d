"""The ways in which the old client, or the broker under it, may end."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from faults.process import Pause
from faults.toxics import Blackhole, Fin, Reset
from reports.answers.questions.anonymous_queues import QUESTION, UNHEARD
from suites.answers.anonymous.subject import Subject
from suites.brokers.base import Broker
from suites.durability.crash import seal

SOON = 3.0  # seconds in which a broker that was told must have acted


class Ending(ABC):
    """Applied to all subjects of a column at the same time."""

    needs: ClassVar[tuple[str, ...]] = ()
    heartbeats: ClassVar[bool] = True

    @abstractmethod
    def apply(self, subjects: Sequence[Subject], broker: Broker) -> None:
        """Begin each subject's time, and end its client; returns when that is done."""

    def watch(self, parameters: Mapping[str, float]) -> float:
        """For how many seconds a queue that stays is watched."""
        del parameters
        return SOON


class _EachClient(Ending):
    def apply(self, subjects: Sequence[Subject], broker: Broker) -> None:
        del broker
        for subject in subjects:
            subject.begin()
            self.end(subject)

    @abstractmethod
    def end(self, subject: Subject) -> None:
        """End one client."""


class ConnectionClose(_EachClient):
    """connection.close and its close-ok."""

    def end(self, subject: Subject) -> None:
        """Say goodbye."""
        subject.client.call("close")


class ChannelClose(_EachClient):
    """channel.close and its close-ok; the connection goes on."""

    def end(self, subject: Subject) -> None:
        """Close the only channel."""
        subject.client.call("close_channel")


class ClientFin(_EachClient):
    """FIN on both sides of the link."""

    def end(self, subject: Subject) -> None:
        """Close the sockets."""
        subject.client.fault(Fin()).start()


class ClientReset(_EachClient):
    """RST on both sides of the link."""

    def end(self, subject: Subject) -> None:
        """Reset the sockets."""
        subject.client.fault(Reset()).start()


class ClientKill(_EachClient):
    """SIGKILL: the kernel closes the socket."""

    def end(self, subject: Subject) -> None:
        """Kill the process."""
        subject.client.kill()


class _Silent(_EachClient):
    def watch(self, parameters: Mapping[str, float]) -> float:
        """A broker drops a silent client after two to three intervals."""
        return 4 * parameters["heartbeat"] + 1


class ClientFreeze(_Silent):
    """SIGSTOP: the kernel keeps the socket open and acknowledges what comes."""

    def end(self, subject: Subject) -> None:
        """Freeze the process."""
        Pause(subject.client).start()


class ClientVanish(_Silent):
    """All packets are lost both ways."""

    def end(self, subject: Subject) -> None:
        """Lose them."""
        subject.client.fault(Blackhole()).start()


class ClientVanishUnheard(ClientVanish):
    """The same, where no heartbeats were agreed on."""

    heartbeats = False

    def watch(self, parameters: Mapping[str, float]) -> float:
        """Nothing is expected to happen: long enough to show it."""
        return parameters["watch"]


class _BrokerEnds(Ending):
    def apply(self, subjects: Sequence[Subject], broker: Broker) -> None:
        for subject in subjects:
            subject.begin()
        self.end(broker)
        for subject in subjects:
            subject.mark("broker", "has ended")
        broker.start()
        for subject in subjects:
            subject.mark("broker", "is back")

    @abstractmethod
    def end(self, broker: Broker) -> None:
        """End the broker."""


class BrokerStop(_BrokerEnds):
    """SIGTERM, an orderly stop, and a start with the same data."""

    needs = ("restart", "durable")

    def end(self, broker: Broker) -> None:
        """Ask it to end, and wait for that."""
        broker.stop()


class BrokerKill(_BrokerEnds):
    """SIGKILL, and a start with the same data."""

    needs = ("kill", "restart", "durable")

    def end(self, broker: Broker) -> None:
        """Kill it, but not before the last of the queues is safe."""
        seal(broker.endpoint)
        broker.kill()


ENDINGS: Mapping[str, Ending] = {
    "connection.close": ConnectionClose(),
    "channel.close": ChannelClose(),
    "FIN": ClientFin(),
    "RST": ClientReset(),
    "SIGKILL": ClientKill(),
    "SIGSTOP": ClientFreeze(),
    "blackhole, heartbeats": ClientVanish(),
    UNHEARD: ClientVanishUnheard(),
    "broker SIGTERM": BrokerStop(),
    "broker SIGKILL": BrokerKill(),
}
assert ENDINGS.keys() == QUESTION.columns.keys()
