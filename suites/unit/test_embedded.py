import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pika
import pytest

import reference_broker
from reference_broker import RunningBroker, running
from reference_broker.broker.definitions import DefinitionsError
from reference_broker.server.listening import StartError

SOON = 10.0  # seconds; far more than anything here takes on a busy machine
FIXTURE_USED = """
import pika

def test_it(amqp_broker):
    with pika.BlockingConnection(pika.URLParameters(amqp_broker.url)) as connection:
        channel = connection.channel()
        assert channel.queue_declare("fresh").method.message_count == 0
        channel.basic_publish("", "fresh", b"left behind")

def test_it_again(amqp_broker):
    test_it(amqp_broker)
"""


def open_descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def answers(broker: RunningBroker) -> bool:
    """Whether a broker greets at that address."""
    try:
        link = socket.create_connection((broker.host, broker.port), SOON)
    except ConnectionRefusedError:
        return False
    with link:
        link.sendall(b"AMQP\x00\x00\x09\x01")
        return link.recv(7)[:3] == b"\x01\x00\x00"


def test_a_broker_runs_for_the_length_of_the_block() -> None:
    """It answers inside, on the loopback interface, and nobody answers afterwards."""
    with running() as broker:
        assert broker.host == "127.0.0.1"
        assert broker.url == f"amqp://guest:guest@127.0.0.1:{broker.port}/"
        assert answers(broker)
    assert not answers(broker)


def test_the_package_offers_it() -> None:
    """What users import stands at the top of the package."""
    assert {"RunningBroker", "running"} <= set(reference_broker.__all__)
    assert all(hasattr(reference_broker, name) for name in reference_broker.__all__)


def test_several_at_once_know_nothing_of_each_other() -> None:
    """Each has its own port and its own queues."""
    with ExitStack() as stack:
        brokers = [stack.enter_context(running()) for _ in range(3)]
        assert len({broker.port for broker in brokers}) == 3
        for broker in brokers:
            connection = stack.enter_context(
                pika.BlockingConnection(pika.URLParameters(broker.url))
            )
            channel = connection.channel()
            assert channel.queue_declare("q").method.message_count == 0
            channel.confirm_delivery()
            channel.basic_publish("", "q", b"mine")


def test_nothing_is_left_behind() -> None:
    """Neither threads nor sockets stay, whether clients had closed or not."""
    threads = threading.active_count()
    with running():
        pass  # what the first start loads for good does not count
    descriptors = open_descriptors()
    links = []
    for _ in range(5):
        with running() as broker:
            link = socket.create_connection((broker.host, broker.port), SOON)
            links.append(link)
            link.sendall(b"AMQP\x00\x00\x09\x01")
            assert link.recv(7)
    for link in links:
        link.close()
    assert threading.active_count() == threads
    assert open_descriptors() == descriptors


def test_starting_and_stopping_is_fast() -> None:
    """The best of ten takes well under a tenth of a second, so a test can have its own."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        with running():
            pass
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_clients_are_told_when_it_stops() -> None:
    """A client that is still connected gets 320, and the stop does not wait for it for long."""
    with ExitStack() as stack:
        broker = stack.enter_context(running())
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        channel = connection.channel()
        channel.queue_declare("q", exclusive=True)
        start = time.perf_counter()
        stack.close()
        assert time.perf_counter() - start < SOON
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
            connection.process_data_events(SOON)
    assert caught.value.reply_code == 320


def test_an_error_in_the_block_is_the_user_s_own() -> None:
    """It comes out as it is, and the broker has stopped all the same."""
    with pytest.raises(KeyError, match="mine"), running() as broker:
        raise KeyError("mine")
    assert not answers(broker)


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    """A port in use and unusable definitions raise where the block would begin."""
    threads = threading.active_count()
    with running() as broker:
        descriptors = open_descriptors()
        with pytest.raises(StartError, match="in use"), running(port=broker.port):
            pytest.fail("two brokers share a port")
        with (
            pytest.raises(StartError, match="in use"),
            running(port=broker.port, data_dir=tmp_path / "data"),
        ):
            pytest.fail("two brokers share a port")
        assert open_descriptors() == descriptors
    with pytest.raises(DefinitionsError), running(definitions=tmp_path / "missing"):
        pytest.fail("there are no definitions")
    with pytest.raises(TypeError, match="colour"), running(colour="red"):
        pytest.fail("there is no such setting")
    assert threading.active_count() == threads


def test_settings_are_those_of_the_configuration() -> None:
    """Each keyword is a field of Config; here the limits that are offered to clients."""
    with running(frame_max=8192, channel_max=7, heartbeat=33) as broker:
        parameters = pika.URLParameters(broker.url)
        with pika.BlockingConnection(parameters) as connection:
            tuned = connection._impl.params  # noqa: SLF001  pika shows it nowhere else
            assert (tuned.frame_max, tuned.channel_max, tuned.heartbeat) == (8192, 7, 33)


def test_a_broker_of_another_thread_is_usable_from_here() -> None:
    """Start it in one thread, use it from a second, stop it in the first."""
    found: list[bool] = []
    with running() as broker:
        user = threading.Thread(target=lambda: found.append(answers(broker)))
        user.start()
        user.join(SOON)
    assert found == [True]


def test_the_fixture_gives_each_test_its_own(tmp_path: Path) -> None:
    """With the plugin loaded, `amqp_broker` is there and fresh in every test."""
    (tmp_path / "test_user.py").write_text(FIXTURE_USED)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    plugin = ["-p", "reference_broker.pytest_plugin", "--rootdir", str(tmp_path)]
    root = Path(reference_broker.__file__).parents[1]
    done = subprocess.run(  # noqa: S603  our own interpreter and file
        [*command, *plugin, "test_user.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
