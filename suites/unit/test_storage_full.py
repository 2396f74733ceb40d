"""A broker process whose disk is full: a limit on the size of files lets the same writes fail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import reference_broker
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.unit.stores import left_in, opened
from suites.verify import Mismatch

ROOT = Path(reference_broker.__file__).parents[1]
SOON = 20.0  # seconds; far more than a start or an end takes on a busy machine
BLOCK = 512  # octets, the unit of ulimit
BODY = bytes(10_000)


@contextmanager
def serving(folder: Path, blocks: int) -> Iterator["subprocess.Popen[str]"]:
    """A broker that can write no file longer than so many blocks."""
    limited = ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh"]
    serve = [sys.executable, "-m", "reference_broker", "serve", "--port", "0"]
    # Not measured: coverage would meet the same limit when it writes its own file at the end.
    environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
    process = subprocess.Popen(  # noqa: S603  our own interpreter and package
        [*limited, *serve, "--data-dir", str(folder)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=SOON)


def endpoint_of(process: "subprocess.Popen[str]") -> Endpoint:
    """Where it serves, once it does."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready amqp://")
    return Endpoint("127.0.0.1", int(line.rstrip("/\n").rpartition(":")[2]))


def publish_until_told(client: RawClient) -> tuple[int, Mismatch]:
    """Publish one by one; how many were confirmed, and what came instead of one more."""
    client.call(1, "queue.declare", queue="q", durable=True)
    client.call(1, "confirm.select")
    confirmed = 0
    while True:
        client.publish(1, "", "q", BODY, delivery_mode=2)
        try:
            client.expect(1, "basic.ack")
        except Mismatch as told:
            return confirmed, told
        confirmed += 1


def test_it_stops_and_keeps_what_it_confirmed(tmp_path: Path) -> None:
    """Clients get 541, the process ends with 1 and says why; a new one goes on with all of it."""
    folder = tmp_path / "data"
    with serving(folder, 6_000_000 // BLOCK) as process:
        with RawClient.open(endpoint_of(process)) as client:
            client.open_channel(1)
            confirmed, told = publish_until_told(client)
            client.send(0, "connection.close-ok")
        _output, errors = process.communicate(timeout=SOON)
    assert told.actual == "connection.close 541"
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert f"cannot write to {folder}" in errors
    assert confirmed > 50
    found = left_in(folder)
    assert confirmed <= len(found) <= confirmed + 1
    assert {body for body, _flag in found} == {BODY}


def test_no_room_to_begin_with(tmp_path: Path) -> None:
    """A directory that cannot even be begun is refused; later it can be used."""
    folder = tmp_path / "data"
    with serving(folder, 4) as process:
        _output, errors = process.communicate(timeout=SOON)
    assert process.returncode == 2
    assert "Traceback" not in errors
    assert errors.startswith("reference_broker: cannot open ")
    with opened(folder) as kept:
        assert kept.broker.vhosts == {}
