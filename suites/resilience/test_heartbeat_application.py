"""Applications on pika's BlockingConnection that let their client library work, or do not."""

import time

import pytest

from suites import verify
from suites.amqp.steps import ready
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.harness.names import Names
from suites.resilience.bounds import SLACK, silence
from suites.resilience.fixtures import RemoteClients

INTERVAL = 1  # second
TOO_LONG = silence(INTERVAL)[1]  # seconds: every broker has ended a silent client by then
LOST = "socket closed"
ATTEMPTS = 3  # publishes: the first into a dead socket may still seem to succeed


def publisher(remote: RemoteClients, witness: RawClient, queue: str) -> RemoteClient:
    """A process that has published one message."""
    witness.call(1, "queue.declare", queue=queue)
    client = remote(heartbeat=INTERVAL)
    client.call("publish", key=queue, bodies=["before"])
    client.call("sync")
    return client


@pytest.mark.requirement("heartbeat/blocked-publisher")
def test_sleep_in_a_publish_loop(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """time.sleep between two publishes costs the connection; what is published after is lost."""
    queue = names()
    client = publisher(remote, witness, queue)
    bodies, longest = ["after"] * ATTEMPTS, ATTEMPTS * TOO_LONG + SLACK
    with pytest.raises(ClientError) as caught:
        client.call(
            "publish", key=queue, bodies=["between", *bodies], pause=TOO_LONG, timeout=longest
        )
    verify.equal(caught.value.actual, LOST, "what pika raises")
    verify.equal(ready(witness, queue), 2, "messages in the queue")


@pytest.mark.requirement("heartbeat/pumped-publisher")
@pytest.mark.parametrize("way", ["connection.sleep", "process_data_events"])
def test_waits_in_which_pika_works(
    remote: RemoteClients, witness: RawClient, names: Names, way: str
) -> None:
    """The same wait by connection.sleep, or by process_data_events, costs nothing."""
    queue = names()
    client = publisher(remote, witness, queue)
    if way == "connection.sleep":
        client.call("sleep", seconds=TOO_LONG, timeout=TOO_LONG + SLACK)
    else:
        time.sleep(TOO_LONG)  # the process waits for its next command, in process_data_events
    client.call("publish", key=queue, bodies=["after"])
    client.call("sync")
    verify.equal(ready(witness, queue), 2, "messages in the queue")
    verify.equal(client.call("is_open"), expected=True, what="pika's view of the connection")


@pytest.mark.requirement("heartbeat/long-callback")
def test_a_long_callback(remote: RemoteClients, witness: RawClient, names: Names) -> None:
    """A callback that outlasts the heartbeat acks into a dead connection: redelivery elsewhere."""
    queue = names()
    witness.call(1, "queue.declare", queue=queue)
    witness.publish(1, "", queue, b"work")
    client = remote(heartbeat=INTERVAL)
    client.call("consume", queue=queue, prefetch=1, ack=True, callback_sleeps=TOO_LONG)
    began = client.wait("delivery").at
    witness.consume(1, queue)
    again = witness.expect_content(1, "basic.deliver", b"work", timeout=TOO_LONG + SLACK)
    redelivered = time.monotonic()
    verify.equal(again["redelivered"], expected=True, what="redelivered")
    verify.between(redelivered - began, *silence(INTERVAL), "seconds until it came again")
    lost = client.wait("lost", TOO_LONG + SLACK)
    verify.equal(lost.told["error"], LOST, "what pika raises")
    verify.between(lost.at - began, TOO_LONG, 2 * TOO_LONG, "seconds until the consumer knew")
    witness.send(1, "basic.ack", delivery_tag=again["delivery_tag"])
    witness.expect_nothing(1)
    verify.equal(ready(witness, queue), 0, "messages in the queue")
