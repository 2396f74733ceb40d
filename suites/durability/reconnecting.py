"""A pika client in a process of its own that comes back by itself, as a careful application does.

Run by `suites.clients.process.ClientProcess`; beside the commands of `pika_process` it has
`publish_always` and `consume_always`, which go on, over any number of lost connections, until the
next command or the end of the input. What they attempt is told before it is done, what they learn
afterwards, so that the events of several clients make a history.
"""

import itertools
import time
from typing import Any

import pika
from pika import exceptions
from pika.adapters.blocking_connection import BlockingChannel

from suites.clients.pika_process import PUMP_INTERVAL, Client, asked, main, tell
from suites.durability.contents import content

PAUSE = 0.1  # seconds between two tries to connect


class Reconnecting(Client):
    """Counts its connections from 1."""

    def __init__(self) -> None:
        super().__init__()
        self._parameters: dict[str, Any] = {}
        self._connections = 0

    def connect(self, **parameters: Any) -> None:
        """Connect, and remember how."""
        self._parameters = dict(parameters)
        super().connect(**parameters)
        self._connections += 1

    def publish_always(self, queue: str, name: str) -> None:
        """Publish persistent messages, each until it is confirmed, the next one only then.

        Every attempt is a message of its own, NAME:NUMBER.ATTEMPT. Events: sending, then confirmed,
        or returned, or unknown (nacked, or the connection was lost meanwhile).
        """
        self.confirm()
        for number in itertools.count(1):
            for attempt in itertools.count(1):
                if asked():
                    return
                if self._publish(queue, f"{name}:{number}.{attempt}"):
                    break

    def _publish(self, queue: str, message: str) -> bool:
        body, properties = content(message)
        self._tell("sending", message)
        try:
            self.channel.basic_publish(
                "", queue, body, pika.BasicProperties(**properties), mandatory=True
            )
        except exceptions.UnroutableError:
            self._tell("returned", message)
            time.sleep(PAUSE)
        except exceptions.NackError:
            self._tell("unknown", message)
            time.sleep(PAUSE)
        except exceptions.AMQPError:
            self._tell("unknown", message)
            if self._come_back():
                self.confirm()
        else:
            self._tell("confirmed", message)
            return True
        return False

    def consume_always(self, queue: str, prefetch: int, seconds: float) -> None:
        """Consume, work on each message for so long, and ack it. Events: taken, then settling."""

        def deliver(channel: BlockingChannel, method: Any, properties: Any, body: bytes) -> None:
            message = properties.message_id
            whole = message if body == content(message)[0] else f"{message}, damaged"
            self._tell("taken", whole, redelivered=method.redelivered)
            time.sleep(seconds)
            self._tell("settling", whole)
            channel.basic_ack(method.delivery_tag)

        while not asked():
            try:
                self.channel.basic_qos(prefetch_count=prefetch)
                self.channel.basic_consume(queue, deliver)
                while not asked():
                    self.channel.connection.process_data_events(PUMP_INTERVAL)
            except exceptions.AMQPError:
                self._come_back()

    def _come_back(self) -> bool:
        """Connect until it works; False if something else is wanted first."""
        while not asked():
            try:
                self.connect(**self._parameters)
            except (exceptions.AMQPError, OSError):
                time.sleep(PAUSE)
            else:
                tell(event="back", at=time.monotonic(), connection=self._connections)
                return True
        return False

    def _tell(self, event: str, message: str, **more: Any) -> None:
        now = time.monotonic()
        tell(event=event, at=now, message=message, connection=self._connections, **more)


if __name__ == "__main__":
    main(Reconnecting())
