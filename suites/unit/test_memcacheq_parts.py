"""The parts of the front ends, each by itself."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.broker.message import Message, read_traits
from reference_broker.broker.vhost import VHost
from reference_broker.memcacheq import mapping
from reference_broker.memcacheq.frontend import Memcacheq
from reference_broker.memcacheq.items import RELATIVE_MAX, Items
from reference_broker.memcacheq.names import to_octets, to_text
from reference_broker.memcacheq.numbers import INT64, UINT64, read_number, signed32
from reference_broker.memcacheq.queues import Queues, value_line
from reference_broker.memcacheq.reads import parse_read
from reference_broker.memcacheq.settings import Settings
from reference_broker.wire.content import header_of
from reference_broker.wire.framing import content_frames
from suites.unit.memcacheq_stage import Stage

# names


@given(st.binary(max_size=250))
def test_names_go_there_and_back(name: bytes) -> None:
    """Any octets are a text that can be stored, and come back."""
    text = to_text(name)
    text.encode()
    assert to_octets(text) == name


@given(st.text(max_size=50))
def test_texts_of_others_have_octets(text: str) -> None:
    """Any name that an AMQP client chose has octets, mostly its own."""
    assert to_octets(text).decode() == text or any("\uef80" <= c <= "\uefff" for c in text)


# numbers


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (b"3xyz", 3),
        (b"abc", 0),
        (b"", 0),
        (b"+3", 3),
        (b"-3", -3),
        (b"003", 3),
        (b"0x3", 0),
        (b"\t3", 3),
        (b"-", 0),
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", None),
        (b"-9223372036854775808", -(2**63)),
        (b"0" * 5000 + b"7", 7),
        (b"1" * 5000, None),
    ],
)
def test_numbers_as_strtol_reads_them(word: bytes, value: int | None) -> None:
    """Space, sign, digits; the rest does not count."""
    assert read_number(word, INT64) == value


def test_unsigned_numbers_wrap_to_32_bits() -> None:
    """The flags of the real server are the lowest 32 bits, signed."""
    assert read_number(b"18446744073709551615", UINT64) == 2**64 - 1
    assert [signed32(n) for n in (2**64 - 1, 2**31, 2**32 + 5, -(2**31))] == [
        -1,
        -(2**31),
        5,
        -(2**31),
    ]


# mapping


@pytest.mark.parametrize("flags", [0, 1, -1, 2**31 - 1])
@pytest.mark.parametrize("size", [0, 1, 64, 131_064])
def test_the_ends_of_a_content_equal_their_twin(flags: int, size: int) -> None:
    """A value between the two ends is the same content as `content` makes."""
    ends = mapping.ends_of_content(flags, size)
    assert ends is not None
    value = b"x" * size
    assert ends[0] + value + ends[1] == mapping.content(flags, value)


@pytest.mark.parametrize("flags", [0, -7])
@pytest.mark.parametrize("size", [0, 10, 131_064, 131_065, 400_000])
def test_a_message_gives_back_flags_and_value(flags: int, size: int) -> None:
    """Of one frame or of several, by the short way and by the long one."""
    value = bytes(place % 251 for place in range(size))
    frames = mapping.content(flags, value)
    message = Message("", "q", frames, size, read_traits(header_of(frames)[12:]))
    assert message.traits == mapping.PERSISTENT
    assert (mapping.flags_of(message), mapping.value_of(message)) == (flags, value)
    stage = Stage()
    entry = Queues(VHost("/", stage)).entry(b"q")
    for _ in range(2):  # the second time from what the entry remembers
        line, data = entry.value_parts(message)
        assert (line, data) == (b"VALUE q %d %d\r\n" % (flags, size), value)
    assert bool(entry.heads) == mapping.is_plain(message)


def test_strange_headers_are_no_flags() -> None:
    """Text, tables and nothing count as 0; large numbers are cut."""
    given_as = {"7": 0, 2**40 + 3: 3, True: 1, None: 0}
    for header, flags in given_as.items():
        frames = content_frames(1, b"x", {"headers": {mapping.FLAGS: header}})
        message = Message("", "q", frames, 1, mapping.PERSISTENT)
        assert value_line(b"k", message) == b"VALUE k %d 1\r\n" % flags


# reads


@pytest.mark.parametrize(
    ("key", "name", "told"),
    [
        (b"q", b"q", {}),
        (b"q/open", b"q", {"opens": True}),
        (b"q/close/t=500/open", b"q", {"closes": True, "wait": 0.5, "opens": True}),
        (b"q/abort", b"q", {"aborts": True}),
        (b"q/peek/t=1", b"q", {"peeks": True, "wait": 0.001}),
        (b"q/open/x", b"q/open/x", {}),
        (b"q/x/open", b"q/x", {"opens": True}),
        (b"q/t=", b"q/t=", {}),
        (b"q/t=-1", b"q/t=-1", {}),
        (b"/open", b"/open", {}),
        (b"q/", b"q/", {}),
    ],
)
def test_options_in_keys(key: bytes, name: bytes, told: dict[str, object]) -> None:
    """What is an option is one; everything else is the name; with options off, all of it."""
    queues = Queues(VHost("/", Stage()))
    read = parse_read(queues, key, options=True)
    defaults = {"wait": 0.0, "opens": False, "closes": False, "aborts": False, "peeks": False}
    assert read.entry.name == name
    assert {field: getattr(read, field) for field in defaults} == {**defaults, **told}
    assert parse_read(queues, key, options=False).entry.name == key


def test_names_without_a_queue_are_forgotten() -> None:
    """To ask for a hundred thousand names keeps few of them, and none that has a queue is lost."""
    stage = Stage()
    queues = Queues(VHost("/", stage))
    kept = queues.entry(b"kept")
    kept.find_or_create()
    kept.gets = 5
    for number in range(10_000):
        queues.entry(b"%d" % number)
    assert queues.crowded()
    queues.tidy()
    assert not queues.crowded()
    assert queues.entry(b"kept") is kept


def test_a_session_of_many_names_keeps_few() -> None:
    """The grammar tidies by itself, and what it remembers stays true."""
    stage = Stage()
    client = stage.connect(Memcacheq(stage, VHost("/", stage), Settings()))
    stage.feed(client, b"set q 0 0 1\r\nx\r\nset q 0 0 1\r\ny\r\nget q\r\n")
    for number in range(20_000):
        client.receive(b"get none%d\r\n" % number)
    stage.settle()
    stage.reply(client)
    stage.feed(client, b"get q\r\nstats queue\r\n")
    assert stage.reply(client) == b"VALUE q 0 1\r\ny\r\nEND\r\nSTAT q 2/2\r\nEND\r\n"


# items


class Kept:
    """A store of items, in memory."""

    def __init__(self) -> None:
        self.items: dict[bytes, tuple[int, float, bytes]] = {}

    def load_items(self) -> Iterable[tuple[bytes, int, float, bytes]]:
        """All of them."""
        return [(key, *item) for key, item in self.items.items()]

    def save_item(self, key: bytes, flags: int, expires: float, value: bytes) -> None:
        """Keep one."""
        self.items[key] = flags, expires, value

    def drop_item(self, key: bytes) -> None:
        """Forget one."""
        del self.items[key]

    def drop_items(self) -> None:
        """Forget all."""
        self.items.clear()


def test_items_outlive_their_object() -> None:
    """What a store has kept is there again, with a number that nobody has seen."""
    stage, kept = Stage(), Kept()
    items = Items(stage.now, kept)
    items.put(b"a", 7, 0.0, b"1")
    items.put(b"b", 0, stage.time + 10, b"2")
    items.put(b"c", 0, 0.0, b"3")
    items.delete(b"c")
    before = items.find(b"a")
    stage.time += 5
    again = Items(stage.now, kept)
    found = again.find(b"a")
    assert before is not None
    assert found is not None
    assert (found.flags, found.value) == (7, b"1")
    assert found.cas > before.cas
    assert again.find(b"c") is None
    stage.time += 6
    assert again.find(b"b") is None
    assert b"b" not in kept.items


def test_expiry_is_relative_up_to_thirty_days() -> None:
    """Then it is a time since the epoch; below zero it is past."""
    stage = Stage()
    items = Items(stage.now, None)
    assert items.expiry(0) == 0
    assert items.expiry(RELATIVE_MAX) == stage.time + RELATIVE_MAX
    assert items.expiry(RELATIVE_MAX + 1) == RELATIVE_MAX + 1
    assert 0 < items.expiry(-1) < stage.time


def test_a_flush_to_come_takes_what_is_there_then() -> None:
    """What is stored before it goes, what is stored after it stays, in the store too."""
    stage, kept = Stage(), Kept()
    items = Items(stage.now, kept)
    items.put(b"a", 0, 0.0, b"1")
    items.flush(10)
    items.put(b"b", 0, 0.0, b"2")
    assert items.find(b"a") is not None
    stage.time += 10
    items.put(b"c", 0, 0.0, b"3")
    assert [items.find(key) is not None for key in (b"a", b"b", b"c")] == [False, False, True]
    assert list(kept.items) == [b"c"]
