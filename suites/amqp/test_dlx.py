"""Dead letters: what a queue with x-dead-letter-exchange sends there, and in which order."""

import pytest

from suites import verify
from suites.amqp.dead_letters import TTL, dead_queue, deaths, dying_queue, reject, take_dead
from suites.amqp.steps import drain, fill, hold
from suites.amqp.topology import own_queue
from suites.brokers import definitions
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytest_plugins: tuple[str, ...] = ()
