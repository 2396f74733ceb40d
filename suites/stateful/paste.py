"""A program as a test in the form of `suites/amqp`, with what the model expects as its asserts."""

from collections.abc import Iterable
from typing import Any

from suites.stateful.model import Rest
from suites.stateful.program import (
    ALIAS,
    BODY,
    CONNECT,
    DELIVERY,
    DROP,
    PROPERTIES,
    SYMBOL,
    Program,
    Step,
)

_HEAD = '''\
@pytest.mark.requirement("AREA/NAME")
def test_name(raw: RawClients, names: Names) -> None:
    """What the broker does."""
'''
_FETCHED = {"basic.deliver", "basic.get-ok"}


def as_test(program: Program, rests: Iterable[Rest]) -> str:
    """Source to paste; the names of the requirement and the test are still to be given."""
    lines = [f"    {name[1:]} = names({_kind(name)})" for name in sorted(_symbols(program))]
    for step, rest in zip(program, rests, strict=False):
        lines += [f"    {line}" for line in _step(step, rest)]
    return _HEAD + "\n".join(lines) + "\n"


def _kind(name: str) -> str:
    return '"exchange"' if name.startswith(f"{SYMBOL}x") else ""


def _symbols(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value[:2] in {f"{SYMBOL}q", f"{SYMBOL}x"} else set()
    if isinstance(value, dict):
        return set().union(*map(_symbols, value.values()))
    if isinstance(value, Step):
        return _symbols(dict(value.arguments))
    return set().union(*map(_symbols, value)) if isinstance(value, list | tuple) else set()


def _step(step: Step, rest: Rest) -> Iterable[str]:
    client = step.connection
    if step.action == CONNECT:
        yield f"{client} = raw(channels=0)"
    elif step.action == DROP:
        yield f"{client}.link.reset()"
    elif step.action == "basic.publish":
        yield _publish(step)
    else:
        yield from _method(step, rest)
    for lane, texts in rest.lanes.items():
        for text in texts:
            yield from _expectation(step, lane, text)


def _publish(step: Step) -> str:
    given = dict(step.arguments)
    properties = given.pop(PROPERTIES, {})
    places = [given.pop("exchange", ""), given.pop("routing_key", "")]
    body = str(given.pop(BODY)).encode()
    shown = [str(step.channel), *map(_value, places), repr(body), *_pairs({**given, **properties})]
    return f"{step.connection}.publish({', '.join(shown)})"


def _method(step: Step, rest: Rest) -> Iterable[str]:
    given = dict(step.arguments)
    delivery, alias = given.pop(DELIVERY, None), given.pop(ALIAS, None)
    pairs = _pairs(given)
    if delivery is not None:
        pairs.append(f'delivery_tag={_tag_name(delivery)}["delivery_tag"]')
    if step.action == "channel.open":
        yield f"{step.connection}.open_channel({step.channel})"
        return
    replies = rest.lanes.get(step.lane, [])
    answered = step.has_reply and any(text.startswith(f"{step.action}-") for text in replies)
    call = "call" if answered else "send"
    told = f"{step.connection}.{call}({', '.join([str(step.channel), repr(step.action), *pairs])})"
    if answered and alias is not None:
        field = "queue" if step.action == "queue.declare" else "consumer_tag"
        told = f'{alias[1:]} = {told}["{field}"]'
    elif answered and "messages=" in replies[-1]:
        count = replies[-1].partition("messages=")[2].split()[0]
        told = f'verify.equal({told}["message_count"], {count}, "message count")'
    elif answered and step.action == "basic.get":
        told = _get(step, told, replies[-1])
    yield told.replace("'", '"')


def _get(step: Step, told: str, reply: str) -> str:
    if reply == "basic.get-empty":
        return f'verify.equal({told}.name, "basic.get-empty", "reply")'
    return f"{_tag_name([step.arguments.get('queue', ''), reply.split()[1]])} = {told}"


def _expectation(step: Step, lane: str, text: str) -> Iterable[str]:
    place, name = lane.partition(" ")[0], text.partition(" ")[0]
    client, channel = place.split(".")
    if name in {"channel.close", "connection.close"}:
        code = text.split()[1]
        where = f"{channel}, {code}" if name == "channel.close" else code
        method = step.action.replace("'", '"')
        yield f'{client}.expect_{name.replace(".", "_")}({where}, method="{method}")'
    elif name == "basic.deliver":
        body = text.split()[1]
        yield f'{body} = {client}.expect_content({channel}, "basic.deliver", b"{body}")'
        again = text.endswith(" redelivered")
        yield f'verify.equal({body}["redelivered"], {again}, "redelivered")'
    elif name == "basic.return":
        yield f'{client}.expect_content({channel}, "basic.return", b"{text.split()[2]}")'
    elif name in {"basic.ack", "basic.nack", "basic.cancel"}:
        yield f'{client}.expect({channel}, "{name}")'


def _tag_name(delivery: list[str]) -> str:
    return delivery[1]


def _pairs(given: dict[str, Any]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in given.items()]


def _value(value: Any) -> str:
    if isinstance(value, str) and value.startswith(SYMBOL):
        return value[1:]
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{name}": {_value(held)}' for name, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value).replace("'", '"') if isinstance(value, str) else repr(value)
