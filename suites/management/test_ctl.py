"""The operators' command line: rabbitmqctl's words, forms of output and exit codes.

Both brokers are held against the same literal lines. What a line names otherwise by its nature (a
process id, the node) is not compared.
"""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import fill, new_queue
from suites.amqp.topology import bind
from suites.brokers.base import Broker
from suites.clients.raw import RawClient
from suites.harness.names import Names

pytestmark = [pytest.mark.needs("ctl"), pytest.mark.timeout(180)]

BOLD_OR_PLAIN = re.compile(r"\x1b\[[01]m")  # RabbitMQ writes these to terminals alone since 3.13
USAGE, DATA, NO_USER, UNAVAILABLE, SOFTWARE = 64, 65, 67, 69, 70  # sysexits.h


class Lines:
    """Runs commands, and gives the lines that they wrote."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __call__(self, *words: str, code: int = 0) -> list[str]:
        """The lines of a command that ends with this exit code; Mismatch for another."""
        ended, text = self._broker.operate(*words)
        told = f"exit code {ended} of `{' '.join(words)}`: {text.strip()}"
        verify.true(ended == code, f"exit code {code}", told)
        return [line for line in text.splitlines() if line]

    def json(self, *words: str) -> Any:
        """What a command writes with `--formatter json`."""
        return json.loads("\n".join(self(*words, "--formatter", "json")))


@pytest.fixture
def ctl(broker: Broker) -> Lines:
    """The command line of the broker under test."""
    return Lines(broker)


@pytest.fixture
def user(ctl: Lines) -> Iterator[str]:
    """The name of a user that is deleted after the test, if the test has made it."""
    name = f"ctl-{uuid.uuid4().hex[:8]}"
    yield name
    if name in "\n".join(ctl("-q", "list_users")):
        ctl("-q", "delete_user", name)


@pytest.fixture
def vhost(ctl: Lines) -> Iterator[str]:
    """A vhost of the test's own."""
    name = f"ctl-{uuid.uuid4().hex[:8]}"
    ctl("-q", "add_vhost", name)
    yield name
    ctl("-q", "delete_vhost", name)


@pytest.mark.requirement("ctl/users")
def test_users(ctl: Lines, user: str) -> None:
    """A user is added, authenticated, given another password and tags, listed and deleted."""
    made = ctl("add_user", user, "first")
    verify.equal(made[0], f'Adding user "{user}" ...', "first line")
    told = ctl("add_user", user, "first", code=SOFTWARE)
    verify.equal(told[-1], f'User "{user}" already exists', "last line")
    verify.equal(
        ctl("change_password", user, "second"),
        [f'Changing password for user "{user}" ...'],
        "lines",
    )
    verify.equal(
        ctl("authenticate_user", user, "second"),
        [f'Authenticating user "{user}" ...', "Success"],
        "lines",
    )
    told = ctl("authenticate_user", user, "first", code=DATA)
    verify.equal(told[-1], f"user '{user}' - invalid credentials", "last line")
    verify.equal(
        ctl("set_user_tags", user, "monitoring", "management"),
        [f'Setting tags for user "{user}" to [monitoring, management] ...'],
        "lines",
    )
    listed = {entry["user"]: sorted(entry["tags"]) for entry in ctl.json("list_users")}
    verify.equal(listed[user], ["management", "monitoring"], "tags")
    verify.equal(ctl("delete_user", user), [f'Deleting user "{user}" ...'], "lines")
    told = ctl("delete_user", user, code=NO_USER)
    verify.equal(told[-1], f'User "{user}" does not exist', "last line")


@pytest.mark.requirement("ctl/vhosts")
def test_vhosts(ctl: Lines, user: str, vhost: str) -> None:
    """Permissions in a new vhost are set, listed and cleared; the vhost is deleted."""
    ctl("-q", "add_user", user, "password")
    verify.equal(ctl("add_vhost", vhost), [f'Adding vhost "{vhost}" ...'], "lines")
    verify.true(vhost in ctl("list_vhosts"), "the vhost in the list", "a list without it")
    where = f'for user "{user}" in vhost "{vhost}" ...'
    given = ctl("set_permissions", "-p", vhost, user, "^c", "^w", "^r")
    verify.equal(given, [f"Setting permissions {where}"], "lines")
    header = "user\tconfigure\twrite\tread"
    wanted = [f'Listing permissions for vhost "{vhost}" ...', header, f"{user}\t^c\t^w\t^r"]
    verify.equal(ctl("list_permissions", "-p", vhost), wanted, "lines")
    given = ctl("set_topic_permissions", "-p", vhost, user, "amq.topic", "^w", "^r")
    verify.equal(given, [f'Setting topic permissions on "amq.topic" {where}'], "lines")
    listed = ctl("-q", "list_topic_permissions", "-p", vhost)
    wanted = ["user\texchange\twrite\tread", f"{user}\tamq.topic\t^w\t^r"]
    verify.equal(listed, wanted, "lines")
    verify.equal(
        ctl("clear_permissions", "-p", vhost, user), [f"Clearing permissions {where}"], "lines"
    )
    verify.equal(ctl("-q", "list_permissions", "-p", vhost), [], "lines")
    told = ctl("set_permissions", "-p", "no-such-vhost", user, "", "", "", code=UNAVAILABLE)
    verify.equal(told[-1], "Virtual host no-such-vhost does not exist", "last line")
    told = ctl("set_permissions", "-p", vhost, "no-such-user", "", "", "", code=NO_USER)
    verify.equal(told[-1], "User no-such-user does not exist", "last line")
    told = ctl("delete_vhost", "no-such-vhost", code=DATA)
    verify.equal(told[-1], "Virtual host 'no-such-vhost' does not exist", "last line")


@pytest.mark.requirement("ctl/policies")
def test_policies(ctl: Lines, vhost: str) -> None:
    """A policy is set, listed and cleared; a wrong one is refused with the reason."""
    definition = '{"max-length":5}'
    words = ("set_policy", "-p", vhost, "--priority", "2", "--apply-to", "queues")
    given = ctl(*words, "limits", "^q", definition)
    banner = f'Setting policy "limits" for pattern "^q" to "{definition}" with priority "2" for '
    verify.equal(given, [f'{banner}vhost "{vhost}" ...'], "lines")
    listed = ctl("-q", "list_policies", "-p", vhost)
    header = "vhost\tname\tpattern\tapply-to\tdefinition\tpriority"
    verify.equal(listed, [header, f"{vhost}\tlimits\t^q\tqueues\t{definition}\t2"], "lines")
    told = ctl("set_policy", "-p", vhost, "wrong", "^q", '{"x":5}', code=UNAVAILABLE)
    verify.equal(told[-1], '[{<<"x">>,5}] are not recognised policy settings', "last line")
    ctl("set_policy", "-p", vhost, "wrong", "^q", "no JSON", code=UNAVAILABLE)
    cleared = ctl("clear_policy", "-p", vhost, "limits")
    verify.equal(cleared, [f'Clearing policy "limits" on vhost "{vhost}" ...'], "lines")
    told = ctl("clear_policy", "-p", vhost, "limits", code=UNAVAILABLE)
    verify.equal(told[-1], "Parameter does not exist", "last line")


@pytest.mark.requirement("ctl/queues")
def test_queues(ctl: Lines, client: RawClient, names: Names) -> None:
    """Queues, exchanges and bindings are listed by the columns asked for; a queue is emptied."""
    arguments = {"x-max-length": 5, "x-overflow": "reject-publish"}
    queue = new_queue(client, names, durable=True, arguments=arguments)
    bind(client, queue, "amq.topic", "a.b", k=1)
    fill(client, queue, [b"1", b"2"])
    client.sync(1)
    columns = ("name", "messages", "consumers", "arguments", "durable", "policy", "exclusive")
    listed = ctl("-q", "list_queues", *columns)
    verify.equal(listed[0], "\t".join(columns), "header")
    shown = '[{"x-max-length",5},{"x-overflow","reject-publish"}]'
    row = f"{queue}\t2\t0\t{shown}\ttrue\t\tfalse"
    verify.true(row in listed, row, "\n".join(listed))
    banners = ["Timeout: 60.0 seconds ...", "Listing queues for vhost / ..."]
    verify.equal(ctl("list_queues")[:3], [*banners, "name\tmessages"], "first lines")
    bindings = ctl("-q", "list_bindings")
    row = f'amq.topic\texchange\t{queue}\tqueue\ta.b\t[{{"k",1}}]'
    verify.true(row in bindings, row, "\n".join(bindings))
    exchanges = ctl("-q", "--no-table-headers", "list_exchanges", "name", "type", "internal")
    verify.true("amq.match\theaders\tfalse" in exchanges, "amq.match", "\n".join(exchanges))
    verify.equal(ctl("purge_queue", queue), [f"Purging queue '{queue}' in vhost '/' ..."], "lines")
    deleted = ctl("delete_queue", queue, "--if-empty")
    verify.equal(
        deleted,
        [
            f"Deleting queue '{queue}' on vhost '/' if queue is empty ...",
            "Queue was successfully deleted with 0 ready messages",
        ],
        "lines",
    )
    told = ctl("delete_queue", queue, code=USAGE)
    verify.equal(told[-1], "Queue not found", "last line")
    told = ctl("purge_queue", queue, code=UNAVAILABLE)
    verify.equal(told[-1], "not_found", "last line")


@pytest.mark.requirement("ctl/connections")
def test_connections(ctl: Lines, client: RawClient, names: Names) -> None:
    """A connection is seen with its channel and consumer, and closed for a reason."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="the-tag")
    port = str(client.link.local_port)
    listed = ctl("list_connections", "peer_port", "user", "peer_host", "state", "channels", "pid")
    verify.equal(listed[0], "Listing connections ...", "first line")
    [row] = [line.split("\t") for line in listed if line.startswith(f"{port}\t")]
    verify.equal(row[1:5], ["guest", "127.0.0.1", "running", "1"], "connection")
    consumers = ctl("list_consumers", "queue_name", "consumer_tag", "ack_required")
    verify.equal(consumers[0], "Listing consumers in vhost / ...", "first line")
    verify.true(f"{queue}\tthe-tag\ttrue" in consumers, "the consumer", "\n".join(consumers))
    channels = ctl("-q", "list_channels", "user", "consumer_count", "messages_unacknowledged")
    verify.true("guest\t1\t0" in channels, "the channel", "\n".join(channels))
    closed = ctl("close_connection", row[5], "for a test")
    verify.equal(closed, [f"Closing connection {row[5]}, reason: for a test..."], "lines")
    told = str(client.expect_connection_close(320)["reply_text"])
    verify.true("for a test" in told, "the reason", told)


@pytest.mark.requirement("ctl/formatters")
def test_formatters(ctl: Lines, vhost: str) -> None:
    """The same list as a table, without headers, as a pretty table and as JSON."""
    ctl("-q", "set_permissions", "-p", vhost, "guest", "c", "", ".*")
    words = ("list_permissions", "-p", vhost)
    verify.equal(ctl(*words, "-q")[0], "user\tconfigure\twrite\tread", "header")
    verify.equal(ctl(*words, "-q", "--no-table-headers"), ["guest\tc\t\t.*"], "lines")
    verify.equal(ctl(*words, "-s"), ["guest\tc\t\t.*"], "silent lines")
    row = {"user": "guest", "configure": "c", "write": "", "read": ".*"}
    verify.equal(ctl.json(*words), [row], "JSON")
    side, bold, plain = "\x1b(0x\x1b(B", "\x1b[1m", "\x1b[0m"
    heads = f" {side} ".join(
        f"{bold}{name}{plain}{' ' * room}"
        for name, room in (("user", 1), ("configure", 0), ("write", 0), ("read", 0))
    )
    pretty = ctl(*words, "--formatter", "pretty_table")
    wanted = [
        f'Listing permissions for vhost "{vhost}" ...',
        "\x1b(0lqqqqqqqwqqqqqqqqqqqwqqqqqqqwqqqqqqk\x1b(B",
        f"{side} {heads} {side}",
        "\x1b(0tqqqqqqqnqqqqqqqqqqqnqqqqqqqnqqqqqqu\x1b(B",
        f"{side} guest {side} c         {side}       {side} .*   {side}",
        "\x1b(0mqqqqqqqvqqqqqqqqqqqvqqqqqqqvqqqqqqj\x1b(B",
    ]
    verify.equal(pretty, wanted, "lines")


@pytest.mark.requirement("ctl/wrong-use")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["add_user"], USAGE, "not enough arguments."),
        (["list_queues", "colour"], USAGE, "Info key(s) colour are not supported"),
        (["set_vm_memory_high_watermark", "much"], DATA, "Bad argument."),
        (["no_such_command"], USAGE, "Command 'no_such_command' not found"),
    ],
)
def test_wrong_use(ctl: Lines, words: list[str], code: int, told: str) -> None:
    """What is wrong stands in the first lines, and the exit code says of what kind it is."""
    lines = ctl(*words, code=code)
    verify.true(any(told in line for line in lines), told, "\n".join(lines))


@pytest.mark.needs("alarm", "connection.blocked")
@pytest.mark.requirement("ctl/alarm")
def test_alarm(ctl: Lines, client: RawClient, names: Names) -> None:
    """A watermark that cannot be kept blocks who publishes, until it is set higher."""
    queue = new_queue(client, names)
    try:
        low = ctl("set_vm_memory_high_watermark", "0.00001")
        verify.true(low[0].startswith("Setting memory threshold on "), "the banner", low[0])
        verify.true(low[0].endswith(" to 0.00001 ..."), "the banner", low[0])
        fill(client, queue, [b"held"])
        client.expect(0, "connection.blocked")
    finally:
        ctl("-q", "set_vm_memory_high_watermark", "0.4")
    client.expect(0, "connection.unblocked")


@pytest.mark.requirement("ctl/status")
def test_status(ctl: Lines, client: RawClient) -> None:
    """The status has sections for alarms, memory, totals and listeners."""
    client.sync(1)
    lines = [BOLD_OR_PLAIN.sub("", line) for line in ctl("status")]
    verify.true(lines[0].startswith("Status of node "), "the banner", lines[0])
    missing = [title for title in ("Alarms", "Memory", "Totals", "Listeners") if title not in lines]
    verify.equal(missing, [], "titles that are missing")
    verify.true("(none)" in lines, "no alarm", "\n".join(lines))
    counted = [line for line in lines if line.startswith("Connection count: ")]
    verify.true(counted and int(counted[0].split()[-1]) >= 1, "a connection", f"{counted}")
