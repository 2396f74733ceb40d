import time
import uuid
from collections.abc import Callable

import pytest

from suites import verify
from suites.amqp.topology import (
    expect_exchange,
    expect_no_exchange,
    expect_no_queue,
    expect_queue,
)
from suites.brokers.definitions import OTHER_VHOST
from suites.clients.raw import RawClient
from suites.durability.endurance import KILL, After, Before, Stage
from suites.durability.steps import bodies, durable_exchange, durable_queue, keep
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.harness.operating import Operator

pytestmark = pytest.mark.needs("restart", "durable")

before = Before()

Observe = Callable[[str], None]

LEASE = 6.0  # seconds


@pytest.mark.requirement("durability/expires-over-restart")
def test_lease(after: After, client: RawClient) -> None:
    """A queue's lease starts anew with the broker, and ends."""
    queue = after(leased_queue)
    if time.monotonic() < after.started + LEASE / 2:
        expect_queue(client, queue)

    def gone() -> bool:
        client.send(1, "queue.declare", queue=queue, passive=True)
        reply = client.expect(1, "queue.declare-ok", "channel.close")
        if reply.name == "channel.close":
            client.send(1, "channel.close-ok")
            client.open_channel(1)
        return reply.name == "channel.close"

    # Each look may be a use of the queue, so do not look before it should be gone.
    time.sleep(LEASE + 0.5)
    verify.eventually(gone, "the queue expires", within=LEASE)


@before
def queues(stage: Stage) -> tuple[str, str]:
    """A durable queue, and one that is not."""
    client = stage.client()
    transient = stage.names()
    client.call(1, "queue.declare", queue=transient)
    return durable_queue(stage, client), transient


@pytest.mark.requirement("durability/durable-queue-restart")
def test_durable_queue(after: After, client: RawClient) -> None:
    """A durable queue is there after a restart."""
    expect_queue(client, after(queues)[0])


@pytest.mark.requirement("durability/transient-queue-restart")
def test_transient_queue(after: After, client: RawClient) -> None:
    """A queue that is not durable is gone, and its name is free."""
    durable, transient = after(queues)
    expect_no_queue(client, transient)
    client.call(1, "queue.declare", queue=transient, auto_delete=True, exclusive=True)
    expect_queue(client, durable)


@before
def exclusive_queue(stage: Stage) -> str:
    """An exclusive queue that claims to be durable; its connection stays open."""
    queue = stage.names()
    stage.client().call(1, "queue.declare", queue=queue, durable=True, exclusive=True)
    return queue


@pytest.mark.requirement("queue/exclusive-not-after-restart")
def test_exclusive_queue(after: After, client: RawClient) -> None:
    """An exclusive queue has ended with its connection, durable or not."""
    expect_no_queue(client, after(exclusive_queue))


@before
def auto_delete_queues(stage: Stage) -> tuple[str, str]:
    """Durable auto-delete queues: one that never had a consumer, one that has."""
    client = stage.client()
    idle, used = stage.names(), stage.names()
    for queue in (idle, used):
        client.call(1, "queue.declare", queue=queue, durable=True, auto_delete=True)
    client.consume(1, used)
    return idle, used


@pytest.mark.requirement("durability/auto-delete-restart")
def test_auto_delete_queue(after: After, client: RawClient) -> None:
    """It goes when a stop takes its last consumer away, and stays when a kill does.

    One that is there goes with its last consumer, as before.
    """
    idle, used = after(auto_delete_queues)
    client.call(1, "basic.cancel", consumer_tag=client.consume(1, idle))
    expect_no_queue(client, idle)
    if after.how == KILL:
        expect_queue(client, used)
    else:
        expect_no_queue(client, used)


@before
def auto_delete_exchange(stage: Stage) -> str:
    """A durable auto-delete exchange whose last binding led to a queue that is not durable."""
    client = stage.client()
    exchange = durable_exchange(stage, client, auto_delete=True)
    queue = stage.names()
    client.call(1, "queue.declare", queue=queue)
    client.call(1, "queue.bind", queue=queue, exchange=exchange)
    return exchange


@pytest.mark.requirement("durability/auto-delete-restart")
def test_auto_delete_exchange(after: After, client: RawClient) -> None:
    """A durable auto-delete exchange is not deleted by the end of the broker."""
    expect_exchange(client, after(auto_delete_exchange))


@before
def exchanges(stage: Stage) -> tuple[str, str]:
    """A durable exchange, and one that is not."""
    client = stage.client()
    transient = stage.names("exchange")
    client.call(1, "exchange.declare", exchange=transient, type="direct")
    return durable_exchange(stage, client), transient


@pytest.mark.requirement("durability/durable-exchange-restart")
def test_durable_exchange(after: After, client: RawClient) -> None:
    """A durable exchange is there after a restart."""
    expect_exchange(client, after(exchanges)[0])


@pytest.mark.requirement("durability/transient-exchange-restart")
def test_transient_exchange(after: After, client: RawClient) -> None:
    """An exchange that is not durable is gone."""
    durable, transient = after(exchanges)
    expect_no_exchange(client, transient)
    expect_exchange(client, durable)


@before
def bound_queue(stage: Stage) -> tuple[str, str]:
    """A durable queue bound to a durable topic exchange; exchange and queue."""
    client = stage.client()
    exchange, queue = durable_exchange(stage, client, "topic"), durable_queue(stage, client)
    client.call(1, "queue.bind", queue=queue, exchange=exchange, routing_key="a.*")
    return exchange, queue


@pytest.mark.requirement("durability/binding-restart")
def test_binding(after: After, client: RawClient) -> None:
    """A binding between durable ends routes as before, and nothing more."""
    exchange, queue = after(bound_queue)
    client.publish(1, exchange, "b.c", b"no")
    client.publish(1, exchange, "a.b", b"yes")
    verify.eventually(lambda: bodies(client, queue), "bodies", wanted=[b"yes"])


@before
def headers_binding(stage: Stage) -> tuple[str, str]:
    """A durable queue bound to a durable headers exchange; exchange and queue."""
    client = stage.client()
    exchange, queue = durable_exchange(stage, client, "headers"), durable_queue(stage, client)
    arguments = {"x-match": "all", "format": "pdf", "pages": 3, "draft": False}
    client.call(1, "queue.bind", queue=queue, exchange=exchange, arguments=arguments)
    return exchange, queue


@pytest.mark.requirement("durability/binding-args-restart")
def test_headers_binding(after: After, client: RawClient) -> None:
    """The arguments of a binding match as before."""
    exchange, queue = after(headers_binding)
    matching = {"format": "pdf", "pages": 3, "draft": False}
    for body, headers in (
        (b"other pages", {**matching, "pages": 4}),
        (b"no draft", {"format": "pdf", "pages": 3}),
        (b"yes", matching),
    ):
        client.publish(1, exchange, "", body, headers=headers)
    verify.eventually(lambda: bodies(client, queue), "bodies", wanted=[b"yes"])


@before
def half_durable(stage: Stage) -> tuple[str, str]:
    """A durable queue bound to an exchange that is not durable; exchange and queue."""
    client = stage.client()
    exchange, queue = stage.names("exchange"), durable_queue(stage, client)
    client.call(1, "exchange.declare", exchange=exchange, type="fanout")
    client.call(1, "queue.bind", queue=queue, exchange=exchange)
    return exchange, queue


@pytest.mark.requirement("durability/semi-durable-binding")
def test_half_durable_binding(after: After, client: RawClient) -> None:
    """The binding has gone with its exchange, and does not come back with it; the queue stays."""
    exchange, queue = after(half_durable)
    expect_queue(client, queue)
    client.call(1, "exchange.declare", exchange=exchange, type="fanout")
    client.publish(1, exchange, "", b"no")
    client.publish(1, "", queue, b"yes")
    verify.eventually(lambda: bodies(client, queue), "bodies", wanted=[b"yes"])


@pytest.mark.requirement("durability/default-binding-restart")
def test_default_binding(after: After, client: RawClient) -> None:
    """The default exchange leads to a recovered queue by its name."""
    queue = after(queues)[0]
    client.publish(1, "", queue, b"x", mandatory=True)
    verify.eventually(lambda: bodies(client, queue), "bodies", wanted=[b"x"])
    client.expect_nothing(1)


@before
def deleted(stage: Stage) -> tuple[str, str]:
    """A durable exchange and a durable queue that were bound, and deleted; both names."""
    client = stage.client()
    exchange, queue = durable_exchange(stage, client), durable_queue(stage, client)
    client.call(1, "queue.bind", queue=queue, exchange=exchange)
    keep(client, queue, b"gone")
    client.call(1, "queue.delete", queue=queue)
    client.call(1, "exchange.delete", exchange=exchange)
    return exchange, queue


@pytest.mark.requirement("durability/deleted-stays-deleted")
def test_deleted(after: After, client: RawClient) -> None:
    """What was deleted stays so; a new queue of the name is empty."""
    exchange, queue = after(deleted)
    expect_no_exchange(client, exchange)
    expect_no_queue(client, queue)
    declared = client.call(1, "queue.declare", queue=queue, durable=True)
    verify.equal(declared["message_count"], 0, "messages")


@before
def unbound(stage: Stage) -> tuple[str, str]:
    """A durable queue that was bound twice, and unbound once; exchange and queue."""
    client = stage.client()
    exchange, queue = durable_exchange(stage, client), durable_queue(stage, client)
    for key in ("kept", "removed"):
        client.call(1, "queue.bind", queue=queue, exchange=exchange, routing_key=key)
    client.call(1, "queue.unbind", queue=queue, exchange=exchange, routing_key="removed")
    return exchange, queue


@pytest.mark.requirement("durability/unbound-stays-unbound")
def test_unbound(after: After, client: RawClient) -> None:
    """A removed binding stays removed, and its neighbour stays."""
    exchange, queue = after(unbound)
    client.publish(1, exchange, "removed", b"no")
    client.publish(1, exchange, "kept", b"yes")
    verify.eventually(lambda: bodies(client, queue), "bodies", wanted=[b"yes"])


@before
def unicode_queue(stage: Stage) -> str:
    """A durable queue with a name beyond ASCII, and a message in it."""
    client = stage.client()
    queue = stage.names.adopt("queue", f"{stage.names()}.Größe ✓ 日本 🐇")
    client.call(1, "queue.declare", queue=queue, durable=True)
    keep(client, queue, b"x")
    return queue


@pytest.mark.requirement("durability/queue-name-unicode-restart")
def test_unicode_name(after: After, client: RawClient) -> None:
    """A name beyond ASCII comes back as it was, with its messages."""
    verify.equal(bodies(client, after(unicode_queue)), [b"x"], "bodies")


@before
def limited_queue(stage: Stage) -> tuple[str, str]:
    """A durable queue with a limit and a dead-letter exchange; it, and where letters go."""
    client = stage.client()
    letters = durable_queue(stage, client)
    arguments = {
        "x-max-length": 2,
        "x-message-ttl": 3_600_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": letters,
    }
    return durable_queue(stage, client, **arguments), letters


@pytest.mark.requirement("durability/arguments-after-restart")
def test_arguments_in_force(after: After, client: RawClient) -> None:
    """Length limit and dead-lettering of a recovered queue still work."""
    queue, letters = after(limited_queue)
    client.call(1, "confirm.select")
    keep(client, queue, b"1", b"2", b"3")
    verify.eventually(lambda: bodies(client, letters), "dead letters", wanted=[b"1"])
    verify.equal(bodies(client, queue), [b"2", b"3"], "bodies")


@pytest.mark.requirement("durability/arguments-after-restart")
def test_arguments_compared(after: After, client: RawClient) -> None:
    """A redeclaration is compared with the arguments of before."""
    queue, letters = after(limited_queue)
    arguments = {
        "x-max-length": 2,
        "x-message-ttl": 3_600_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": letters,
    }
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=arguments)
    other = {**arguments, "x-max-length": 3}
    client.send(1, "queue.declare", queue=queue, durable=True, arguments=other)
    client.expect_channel_close(1, 406, method="queue.declare")


@before
def elsewhere(stage: Stage) -> str:
    """A durable queue with a message in another vhost, by the name of one in the first."""
    client = stage.client(vhost=OTHER_VHOST)
    queue = durable_queue(stage, stage.client())
    stage.names.adopt("queue", queue, vhost=OTHER_VHOST)
    client.call(1, "queue.declare", queue=queue, durable=True)
    keep(client, queue, b"elsewhere")
    return queue


@pytest.mark.needs("vhosts")
@pytest.mark.requirement("durability/vhost-user-restart")
def test_vhosts(after: After, client: RawClient, raw: RawClients) -> None:
    """Vhosts are there, each with its own queues."""
    queue = after(elsewhere)
    verify.equal(bodies(client, queue), [], "bodies")
    verify.equal(bodies(raw(vhost=OTHER_VHOST), queue), [b"elsewhere"], "bodies")


@before
def permitted(stage: Stage) -> str:
    """A user whom an operator has made, and who may use what begins with the user's own name."""
    name = f"mqproof-{uuid.uuid4().hex[:8]}"
    operator = stage.administration()
    operator.add_user(name, name)
    operator.permit(name, stage.endpoint.vhost, *[f"^{name}"] * 3)
    return name


@pytest.mark.needs("admin")
@pytest.mark.requirement("durability/vhost-user-restart")
def test_users(after: After, operator: Operator, raw: RawClients, names: Names) -> None:
    """A user may do what an operator has permitted, and no more."""
    user = after(permitted)
    operator.later(lambda: operator.do.delete_user(user))
    limited = raw(user=user, password=user)
    limited.call(1, "queue.declare", queue=names(prefix=user))
    limited.send(1, "queue.declare", queue=names())
    limited.expect_channel_close(1, 403, method="queue.declare")


@before
def leased_queue(stage: Stage) -> str:
    """A durable queue that goes when nobody has used it for a while.

    It is the last setup, since the others may take longer than its lease.
    """
    return durable_queue(stage, stage.client(), **{"x-expires": int(LEASE * 1000)})
