"""The table of departures, and what it changes where no suite of the wire looks."""

import pytest

from reference_broker.broker.choosy import ChoosyQueue
from reference_broker.broker.queue import Queue
from reference_broker.broker.queues import make_queue
from reference_broker.protocol.strictness import check_strings
from reference_broker.semantics import DEPARTURES, RABBITMQ, SPEC
from reference_broker.wire.errors import HardError
from reference_broker.wire.methods import Method, decode_method, encode_method
from reference_broker.wire.tables import FieldValue
from suites.unit.doubles import FakeClock


def test_each_choice_tells_both_ways() -> None:
    """A choice says what either side does, and is off with RabbitMQ and on with the rest."""
    for departure in DEPARTURES:
        assert departure.rabbitmq != departure.spec
        assert not getattr(RABBITMQ, departure.name)
        assert getattr(SPEC, departure.name)


def test_a_rule_stands_in_one_choice_alone() -> None:
    """Two choices about one rule could contradict each other."""
    rules = [rule for departure in DEPARTURES for rule in departure.rules]
    assert len(rules) == len(set(rules))


def test_queues_of_rabbitmq_are_its_own() -> None:
    """Only the specification's semantics have a queue with choosy consumers."""
    clock = FakeClock()
    assert type(make_queue("q", clock, durable=True, arguments={})) is Queue
    made = make_queue("q", clock, durable=True, arguments={}, semantics=SPEC)
    assert type(made) is ChoosyQueue


@pytest.mark.parametrize("key", ["a", "$", "#1", "key_1", "é", "k" * 128])
def test_lawful_field_names(key: str) -> None:
    """A letter, $ or # first, and not too long."""
    check_strings(declare({key: 1}), SPEC)


@pytest.mark.parametrize("key", ["", "1", "_a", " a", "k" * 129])
@pytest.mark.parametrize("nested", ["no", "table", "array"])
def test_unlawful_field_names(key: str, nested: str) -> None:
    """503, however deep; RabbitMQ does not look."""
    inner: dict[str, FieldValue] = {key: 1}
    method = declare({"no": inner, "table": {"a": inner}, "array": {"a": [[inner]]}}[nested])
    check_strings(method, RABBITMQ)
    with pytest.raises(HardError) as caught:
        check_strings(method, SPEC)
    assert (caught.value.code, caught.value.method) == (503, (50, 10))


def test_a_zero_octet_in_a_short_string() -> None:
    """502; a long string may hold one."""
    check_strings(declare({"long": "a\0b"}), SPEC)
    method = decode_method(encode_method("queue.declare", queue="a\0b"))
    check_strings(method, RABBITMQ)
    with pytest.raises(HardError) as caught:
        check_strings(method, SPEC)
    assert caught.value.code == 502


def declare(arguments: dict[str, FieldValue]) -> Method:
    """A queue.declare with these arguments, as it comes off the wire."""
    return decode_method(encode_method("queue.declare", arguments=arguments))
