import pytest
from pika import exceptions

from suites.brokers.base import Endpoint
from suites.clients import pika as pika_client


@pytest.mark.parametrize(
    ("error", "actual"),
    [
        (exceptions.ChannelClosedByBroker(404, "NOT_FOUND"), "channel.close 404"),
        (exceptions.ConnectionClosedByBroker(320, "FORCED"), "connection.close 320"),
        (exceptions.StreamLostError("reset"), "socket closed"),
        (exceptions.ConnectionClosedByClient(200, "bye"), "socket closed"),
        (exceptions.UnroutableError([]), "UnroutableError"),
    ],
)
def test_pikas_exceptions_have_canonical_forms(error: Exception, actual: str) -> None:
    """What the broker did to pika is told in the words of the raw client."""
    mismatch = pika_client.mismatch(error)
    assert mismatch is not None
    assert mismatch.actual == actual


def test_other_exceptions_are_not_the_brokers() -> None:
    """A bug of a test is no finding about the broker."""
    assert pika_client.mismatch(KeyError("x")) is None


def test_parameters_have_deadlines() -> None:
    """Pika's own defaults would let a test hang on a broker that blocks."""
    parameters = pika_client.parameters(Endpoint("127.0.0.1", 5, "u", "p", "v"), heartbeat=7)
    assert (parameters.host, parameters.port, parameters.virtual_host) == ("127.0.0.1", 5, "v")
    assert (parameters.credentials.username, parameters.heartbeat) == ("u", 7)
    assert parameters.socket_timeout
    assert parameters.blocked_connection_timeout
