import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping

import pytest

from reference_broker.wire.framing import FrameReader, content_frames, method_frame
from reference_broker.wire.methods import decode_properties
from suites.bench import bar, catalogue, frames, render, table, usage
from suites.bench.errors import BenchError, time_limit
from suites.bench.meter import percentiles
from suites.bench.peers import AckingConsumer, ConfirmedPublisher, Consumer, Publisher
from suites.bench.pump import pump
from suites.bench.runner import Plan, Sample
from suites.bench.scenarios.text import Pipeline
from suites.bench.summary import AIM, MET, SHORT, Summary, summarise
from suites.bench.tally import Confirms, delivery_size
from suites.bench.wire import Wire
from suites.brokers.base import Endpoint, Identity

BODY = b"x" * 30
SUBJECT, BASELINE, THIRD = "reference", "rabbitmq", "garagemq"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what others use")


def delivery(tag: int, size: int = 30, frame_max: int = 4096) -> bytes:
    """What a broker sends for one message to the consumer c."""
    method = method_frame(
        1, "basic.deliver", consumer_tag="c", delivery_tag=tag, exchange="", routing_key="q"
    )
    return method + content_frames(1, b"x" * size, {}, frame_max)


@pytest.fixture
def link() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire, and the broker's end of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(Endpoint("127.0.0.1", listener.getsockname()[1]))
        broker, _address = listener.accept()
    broker.settimeout(5)
    with broker, wire.socket:
        yield wire, broker


def test_an_ack_frame_is_the_readable_one() -> None:
    """The struct of a whole basic.ack equals the encoder by table, both ways."""
    for multiple in (False, True):
        twin = method_frame(1, "basic.ack", delivery_tag=7, multiple=multiple)
        assert frames.ack(7, multiple=multiple) == twin


@pytest.mark.parametrize("count", [1, 2, 3, 7, 5_000, 10_001])
def test_bursts_hold_just_as_many_messages_in_turn(count: int) -> None:
    """Whole bursts, then the rest, in the order of the messages."""
    words = [b"a" * 100, b"b" * 100, b"c" * 100]
    octets = b"".join(frames.repeated(words, count))
    assert len(octets) == count * 100
    assert octets[::100] == (b"abc" * count)[:count]


def test_no_two_message_ids_are_alike() -> None:
    """Each message is well formed and has an id of its own."""
    octets = b"".join(frames.with_message_ids(BODY, "q", 3_000))
    headers = [frame.payload for frame in FrameReader().feed(octets) if frame.type == 2]
    found = {decode_properties(header)["message_id"] for header in headers}
    assert len(headers) == len(found) == 3_000


def test_confirms_are_counted_in_any_order_and_in_any_pieces() -> None:
    """Single and multiple, late and repeated, byte by byte."""
    confirms = Confirms()
    octets = b"".join(
        (frames.ack(2), frames.ack(5), frames.ack(3, multiple=True), frames.ack(1, multiple=True))
    )
    for position in range(len(octets)):
        confirms.feed(memoryview(octets)[position : position + 1])
    assert confirms.count == 4  # 1, 2, 3 and 5
    confirms.feed(memoryview(frames.ack(4)))
    assert confirms.count == 5


def test_what_is_no_confirm_is_named() -> None:
    """A channel.close among confirms gives its reason."""
    close = method_frame(1, "channel.close", reply_code=404, reply_text="NOT_FOUND - q")
    with pytest.raises(BenchError, match=r"channel\.close 404 NOT_FOUND - q"):
        Confirms().feed(memoryview(close))


@pytest.mark.parametrize("size", [0, 30, 10_000])
def test_a_delivery_is_measured_once_it_is_whole(size: int) -> None:
    """Empty, in one frame, and in several."""
    octets = delivery(1, size)
    assert delivery_size(octets[:-1]) == 0
    assert delivery_size(octets) == delivery_size(octets + delivery(2, size)) == len(octets)


def test_a_consumer_counts_and_acknowledges_what_is_due(
    link: tuple[Wire, socket.socket],
) -> None:
    """One ack for every three, and one for the rest."""
    wire, broker = link
    for tag in range(1, 8):
        broker.sendall(delivery(tag))
    pump(AckingConsumer(wire, 7, every=3))
    expected = b"".join(frames.ack(tag, multiple=True) for tag in (3, 6, 7))
    assert broker.recv(1000) == expected


def test_a_consumer_names_what_is_no_delivery(link: tuple[Wire, socket.socket]) -> None:
    """The reason for which the broker closes stands in the error."""
    wire, broker = link
    broker.sendall(method_frame(1, "channel.close", reply_code=403, reply_text="ACCESS_REFUSED"))
    with pytest.raises(BenchError, match=r"channel\.close 403 ACCESS_REFUSED"):
        pump(Consumer(wire, 1))


def test_more_deliveries_than_were_published_are_an_error(
    link: tuple[Wire, socket.socket],
) -> None:
    """Counting octets would hide them otherwise."""
    wire, broker = link
    broker.sendall(delivery(1) + delivery(2))
    with pytest.raises(BenchError, match="more came than 1 deliveries"):
        pump(Consumer(wire, 1))


def test_a_publisher_keeps_to_its_window(link: tuple[Wire, socket.socket]) -> None:
    """Two in flight: the third leaves when the first is confirmed."""
    wire, broker = link
    publisher = ConfirmedPublisher(wire, b"message.", count=3, window=2)
    publisher.write()
    assert (broker.recv(100), publisher.sending) == (b"message." * 2, False)
    broker.sendall(frames.ack(1))
    publisher.read(memoryview(frames.ack(1)))
    publisher.write()
    assert broker.recv(100) == b"message."
    publisher.read(memoryview(frames.ack(3, multiple=True)))
    assert publisher.done


def test_a_broker_that_stalls_is_named_with_the_progress(
    link: tuple[Wire, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come so far helps to see where it hangs."""
    monkeypatch.setattr("suites.bench.pump.PATIENCE", 0.05)
    wire, broker = link
    broker.sendall(delivery(1) + delivery(2))
    with pytest.raises(BenchError, match=r"nothing moved for .* received 2 of 3 messages"):
        pump(Consumer(wire, 3))


def test_a_publisher_heeds_what_the_broker_says(link: tuple[Wire, socket.socket]) -> None:
    """A refusal is not taken for slowness."""
    wire, broker = link
    broker.sendall(method_frame(0, "connection.close", reply_code=541, reply_text="INTERNAL"))
    endless = iter(lambda: bytes(10_000), b"")
    with pytest.raises(BenchError, match=r"connection\.close 541 INTERNAL"):
        pump(Publisher(wire, endless))


def test_a_measurement_has_a_time_limit() -> None:
    """Whatever it waits for."""
    with pytest.raises(BenchError, match=r"did not end within 0\.05 s"), time_limit(0.05):
        time.sleep(10)


def test_percentiles() -> None:
    """The middle and the 99th of a hundred, in microseconds."""
    assert percentiles([number * 1000 for number in range(100, 0, -1)]) == {"p50": 50, "p99": 99}


@linux
def test_what_a_process_uses_is_seen_from_outside() -> None:
    """Our own clock and memory, read as another's."""
    pid = os.getpid()
    before = time.process_time()
    seen = usage.cpu_seconds(pid)
    assert before <= seen
    assert usage.resident_octets(pid) > 1_000_000
    assert pid in usage.tree(os.getppid())


def test_the_bar_speaks_of_what_is_measured() -> None:
    """Every mark belongs to a metric of a scenario."""
    known = {(one.name, metric.name) for one in catalogue.SCENARIOS for metric in one.metrics}
    assert set(bar.load().marks) <= known


def test_scenarios_are_chosen_by_glob_in_their_own_order() -> None:
    """A glob that matches nothing is an error that names what there is."""
    names = [scenario.name for scenario in catalogue.chosen(["relay-a*", "publish-*"])]
    assert names == ["publish-transient", "publish-message-ids", "relay-auto-ack", "relay-ack"]
    with pytest.raises(ValueError, match=r"no scenario matches 'nothing'.*relay-ack"):
        catalogue.chosen(["nothing"])


def summary(
    name: str, figures: Mapping[str, Mapping[str, float]], *, product: str = "RabbitMQ"
) -> Summary:
    """The summary of one round of one scenario with these figures."""
    plan = Plan([SUBJECT, BASELINE, THIRD], catalogue.chosen([name]), rounds=1, quick=False)
    samples = [Sample(name, broker, 1, found) for broker, found in figures.items()]
    identities = dict.fromkeys(plan.brokers, Identity()) | {BASELINE: Identity(product)}
    return summarise(plan, identities, samples)


@pytest.mark.parametrize(("rate", "verdict"), [(19, SHORT), (20, MET), (35, AIM)])
def test_a_rate_is_judged_by_its_ratio(rate: float, verdict: str) -> None:
    """Relay must be twice as fast and aims at three and a half times."""
    judged = summary("relay-auto-ack", {SUBJECT: {"rate": rate}, BASELINE: {"rate": 10}})
    assert [line.verdict for line in judged.lines] == [verdict]
    assert judged.good == (verdict != SHORT)


def test_of_times_less_is_better() -> None:
    """The ratio is turned round, for each broker."""
    judged = summary(
        "confirm-latency", {SUBJECT: {"p50": 10}, BASELINE: {"p50": 30}, THIRD: {"p50": 60}}
    )
    assert judged.lines[0].ratios == {SUBJECT: 3, THIRD: 0.5}
    assert judged.lines[0].verdict == AIM


def test_memory_is_judged_without_another_broker() -> None:
    """Its mark is absolute."""
    judged = summary("memory", {SUBJECT: {"idle": 46, "growth": 20}})
    assert [line.verdict for line in judged.lines] == [SHORT, AIM]
    assert "memory (idle MB) is 46.0; it must be at most 45" in "\n".join(render.remarks(judged))


def test_ratios_to_another_product_are_shown_and_not_judged() -> None:
    """The bar is meant beside RabbitMQ."""
    judged = summary(
        "relay-auto-ack", {SUBJECT: {"rate": 1}, BASELINE: {"rate": 10}}, product="Other"
    )
    assert (judged.lines[0].ratios[SUBJECT], judged.lines[0].verdict) == (0.1, None)
    assert "Not judged" in render.terminal(judged)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.123"), (1.0, "1.00"), (99.95, "100."), (123.4, "123"), (123456, "123,000")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """No more than a measurement can tell."""
    assert table.number(value) == text


def test_the_text_protocol_is_measured_beside_memcached() -> None:
    """Ratios of such a scenario are to the first broker that speaks it; RabbitMQ has no column."""
    plan = Plan([SUBJECT, BASELINE, "memcached"], catalogue.chosen(["text-set", "queue"]), 1, False)
    samples = [
        Sample("text-set", SUBJECT, 1, {"rate": 70}),
        Sample("text-set", "memcached", 1, {"rate": 100}),
        Sample("queue", SUBJECT, 1, {"rate": 40}),
        Sample("queue", BASELINE, 1, {"rate": 2}),
    ]
    identities = {BASELINE: Identity("RabbitMQ"), "memcached": Identity("memcached")}
    judged = summarise(plan, identities, samples)
    found = {line.scenario.name: (line.ratios, line.verdict) for line in judged.lines}
    assert found == {"queue": ({SUBJECT: 20}, MET), "text-set": ({SUBJECT: 0.7}, MET)}
    heading = table.heading(judged)
    assert "memcached : rabbitmq" not in heading
    rows = [table.row(judged, line, line.scenario.name) for line in judged.lines]
    ratio = heading.index("reference : rabbitmq")
    assert [row[ratio] for row in rows] == ["20.0", "0.700 : memcached"]


def test_a_reply_that_is_another_is_named(link: tuple[Wire, socket.socket]) -> None:
    """Replies are compared octet by octet, whatever pieces they come in."""
    wire, broker = link
    broker.sendall(b"STORED\r\nNOT_STORED\r\n")
    with pytest.raises(BenchError, match=r"the server answered .*NOT_STORED"):
        pump(Pipeline(wire, b"set", b"STORED\r\n", count=2))
