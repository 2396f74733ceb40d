"""Installed brokers, really started: RabbitMQ, GarageMQ, and the reference."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pika
import pytest

from suites.brokers import definitions, ports, rabbitmq_home, registry
from suites.brokers.base import Broker, BrokerError, Unsupported
from suites.brokers.kinds.rabbitmq import RabbitMQ
from suites.unit.test_brokers_local import eventually, gone, run_owner


def rabbitmq_missing() -> bool:
    """Whether this machine has no RabbitMQ to start."""
    try:
        rabbitmq_home.script("rabbitmq-server")
    except BrokerError:
        return True
    return False


needs_rabbitmq = pytest.mark.skipif(rabbitmq_missing(), reason="rabbitmq-server is not installed")
needs_garagemq = pytest.mark.skipif(
    shutil.which("garagemq") is None, reason="garagemq is not installed"
)
needs_change_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or rabbitmq_missing(),
    reason="needs root, Linux's unshare, and rabbitmq-server",
)
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="other processes' environments need /proc"
)


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    """One private node for the tests of this file, each of which leaves it running."""
    with RabbitMQ() as broker:
        yield broker


@pytest.fixture(scope="module")
def rooted() -> Iterator[RabbitMQ]:
    """The installed RabbitMQ by way of a change root, which happens to be this machine's own."""
    with RabbitMQ("root=/,plugins=management") as broker:
        yield broker


def processes_of(folder: Path) -> list[int]:
    """The pids of all processes whose environment names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or is another user's
            continue
        if str(folder).encode() in environment and not gone(int(entry.name)):
            found.append(int(entry.name))
    return found


def listens_on(pid: int) -> set[str]:
    """The addresses, in the kernel's hexadecimal, on which a process accepts TCP connections."""
    files = Path(f"/proc/{pid}/fd").iterdir()
    links = {str(file.readlink()) for file in files if file.is_symlink()}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    listening = "0A"
    return {
        row[1].partition(":")[0]
        for row in rows
        if row[3] == listening and f"socket:[{row[9]}]" in links
    }


def put(broker: Broker, body: bytes) -> None:
    """Have a persistent message confirmed in the durable queue `kept`."""
    with pika.BlockingConnection(pika.URLParameters(broker.endpoint.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("kept", durable=True)
        channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=2))


def take(broker: Broker) -> bytes | None:
    """Take the message out of the queue `kept`."""
    with pika.BlockingConnection(pika.URLParameters(broker.endpoint.url)) as connection:
        body: bytes | None = connection.channel().basic_get("kept", auto_ack=True)[2]
        return body


def login(broker: Broker, user: str, vhost: str) -> pika.BlockingConnection:
    """Connect as a user of the suites' definitions to a vhost."""
    parameters = pika.URLParameters(broker.endpoint.url)
    password = {definitions.LIMITED_USER: definitions.LIMITED_PASSWORD}.get(user, user)
    parameters.credentials = pika.PlainCredentials(user, password)
    parameters.virtual_host = vhost
    return pika.BlockingConnection(parameters)


@needs_rabbitmq
def test_rabbitmq_says_who_it_is(rabbitmq: RabbitMQ) -> None:
    """Product and version come from its own handshake, and its log is at hand."""
    assert rabbitmq.identity.product == "RabbitMQ"
    assert rabbitmq.identity.version[0].isdigit()
    assert rabbitmq.identity.version in rabbitmq.ctl("version")
    assert "Server startup complete" in rabbitmq.log_tail(200)


@needs_rabbitmq
def test_rabbitmq_has_the_suites_definitions(rabbitmq: RabbitMQ) -> None:
    """Both users log in; guest is refused at the closed vhost, and limited by its permissions."""
    for user, vhost in (("guest", "/"), ("guest", "mqproof-other"), ("limited", "/")):
        login(rabbitmq, user, vhost).close()
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
        login(rabbitmq, "guest", "mqproof-closed")
    with login(rabbitmq, "limited", "/") as connection:
        connection.channel().queue_declare("limited-queue", auto_delete=True)
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="403"):
            connection.channel().queue_declare("other-queue")


@needs_rabbitmq
@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_rabbitmq_keeps_what_is_durable(rabbitmq: RabbitMQ, ending: str) -> None:
    """A confirmed persistent message outlives a graceful stop and a crash, on the same port."""
    put(rabbitmq, ending.encode())
    endpoint = rabbitmq.endpoint
    getattr(rabbitmq, ending)()
    assert not rabbitmq.alive()
    assert rabbitmq.start() == endpoint
    assert take(rabbitmq) == ending.encode()


@needs_rabbitmq
def test_rabbitmq_freezes_and_goes_on(rabbitmq: RabbitMQ) -> None:
    """A paused node answers no handshake; a resumed one does."""
    rabbitmq.pause()
    assert not rabbitmq.ready(0.5)
    rabbitmq.resume()
    assert rabbitmq.ready()


@needs_rabbitmq
@needs_proc
def test_rabbitmq_listens_on_loopback_only(rabbitmq: RabbitMQ) -> None:
    """The node and its epmd accept connections from this machine and no other."""
    ipv4, ipv6 = "0100007F", "00000000000000000000000001000000"
    addresses = [listens_on(pid) for pid in processes_of(rabbitmq.folder)]
    assert {ipv4} <= set().union(*addresses) <= {ipv4, ipv6}


@needs_rabbitmq
@needs_proc
def test_rabbitmq_with_its_management_plugin() -> None:
    """Its HTTP API answers, and listens on the loopback interface alone."""
    with RabbitMQ("plugins=management") as broker:
        url = f"http://127.0.0.1:{broker.management_port}/api/overview"
        with pytest.raises(HTTPError, match="401") as refused:
            urlopen(url)
        refused.value.close()
        [node] = [pid for pid in processes_of(broker.folder) if pid == broker.pid]
        assert listens_on(node) == {"0100007F"}


@needs_change_root
@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_rooted_rabbitmq_keeps_what_is_durable(rooted: RabbitMQ, ending: str) -> None:
    """In a change root, too, a confirmed message outlives a stop and a crash of the node."""
    put(rooted, ending.encode())
    getattr(rooted, ending)()
    assert not rooted.alive()
    rooted.start()
    assert take(rooted) == ending.encode()


@needs_change_root
@needs_proc
def test_a_rooted_rabbitmq_is_driven_like_any(rooted: RabbitMQ) -> None:
    """It freezes and goes on, obeys ctl and the HTTP API, and our child is the node itself."""
    assert Path(f"/proc/{rooted.pid}/comm").read_text(encoding="ascii").strip() == "beam.smp"
    mounts = [Path(f"/proc/{pid}/ns/mnt").readlink() for pid in (os.getpid(), rooted.pid)]
    assert mounts[0] != mounts[1]
    rooted.pause()
    assert not rooted.ready(0.5)
    rooted.resume()
    assert rooted.ready()
    rooted.administration().add_vhost("made-by-api")
    assert "made-by-api" in rooted.ctl("list_vhosts")


@needs_change_root
@needs_proc
def test_a_rooted_rabbitmq_leaves_nothing_when_the_harness_is_killed() -> None:
    """A harness that gets SIGKILL leaves no node, no epmd and no folder."""
    _, folder = run_owner("rabbitmq:root=/", "wait")
    assert eventually(lambda: not processes_of(folder))
    assert eventually(lambda: not folder.exists())


@needs_rabbitmq
def test_rabbitmqctl_fails_clearly(rabbitmq: RabbitMQ) -> None:
    """A refused command raises what rabbitmqctl said."""
    with pytest.raises(BrokerError, match="no-such-command"):
        rabbitmq.ctl("no-such-command")


@needs_rabbitmq
@needs_proc
def test_rabbitmq_leaves_nothing_when_closed() -> None:
    """Neither the node, its helpers, its epmd nor its folder outlives close."""
    broker = RabbitMQ()
    broker.start()
    folder = broker.folder
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in processes_of(folder)}
    assert {"beam.smp", "epmd"} <= names
    broker.close()
    assert eventually(lambda: not processes_of(folder))
    assert not folder.exists()


@needs_rabbitmq
@needs_proc
def test_rabbitmq_leaves_nothing_when_the_harness_is_killed() -> None:
    """A harness that gets SIGKILL leaves no node, no epmd and no folder."""
    _, folder = run_owner("rabbitmq", "wait")
    assert eventually(lambda: not processes_of(folder))
    assert eventually(lambda: not folder.exists())


@needs_rabbitmq
def test_rabbitmq_finds_another_port_when_its_own_is_taken(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that loses the race for its port is started again on a new one."""
    taken, draw = rabbitmq.endpoint.port, ports.free_port
    offers = iter([taken])
    monkeypatch.setattr(ports, "free_port", lambda: next(offers, None) or draw())
    with RabbitMQ() as other:
        assert other.endpoint.port != taken
        assert other.alive()


def test_a_missing_rabbitmq_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the package, or with a wrong folder named, the error says what to do."""
    monkeypatch.setattr(rabbitmq_home, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MQPROOF_RABBITMQ_HOME", raising=False)
    with pytest.raises(BrokerError, match="apt-get install rabbitmq-server"):
        registry.parse("rabbitmq").start()
    monkeypatch.setenv("MQPROOF_RABBITMQ_HOME", str(tmp_path))
    with pytest.raises(BrokerError, match=f"MQPROOF_RABBITMQ_HOME={tmp_path} holds no rabbitmq-"):
        registry.parse("rabbitmq").start()


@pytest.mark.parametrize(
    ("spec", "product"),
    [
        ("reference", "mqproof reference broker"),
        pytest.param("garagemq", "garagemq", marks=needs_garagemq),
    ],
)
@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_other_brokers_start_and_keep_what_is_durable(spec: str, product: str, ending: str) -> None:
    """Each is identified, and a persistent message outlives both endings."""
    with registry.parse(spec) as broker:
        assert broker.identity.product == product
        put(broker, b"one")
        getattr(broker, ending)()
        broker.start()
        assert take(broker) == b"one"


def test_a_missing_garagemq_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program the error names its package."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(BrokerError, match="apt-get install garagemq"):
        registry.parse("garagemq").start()


@needs_rabbitmq
def test_a_setting_that_rabbitmq_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node says so when it refuses to start: the test that needs it is unsupported there."""
    monkeypatch.setattr("suites.brokers.kinds.rabbitmq.LINES", ("mqproof",))
    broker = RabbitMQ("consumer-timeout=1000")
    broker._options["mqproof"] = "1"  # noqa: SLF001  a setting that no version will ever have
    with pytest.raises(Unsupported, match="has no setting mqproof"):
        broker.start()
