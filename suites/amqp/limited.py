"""A broker with low limits, one for all tests that need it: to start one takes seconds."""

from suites.harness.fixtures import RawClients
from suites.harness.variants import ClientsOf

CONSUMER_TIMEOUT = 1000  # milliseconds
MAX_MESSAGE_SIZE = 200_000  # octets: more than one frame of the usual size


def limited(clients_of: ClientsOf) -> RawClients:
    """Makes clients of a broker with these limits."""
    return clients_of(consumer_timeout=CONSUMER_TIMEOUT, max_message_size=MAX_MESSAGE_SIZE)
