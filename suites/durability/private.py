"""Brokers that a test has to itself: with variables, settings or a disk of their own."""

import os
import re
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from faults.disk import ImageDisk
from suites import verify
from suites.brokers import registry
from suites.brokers.base import Broker, BrokerError
from suites.brokers.local import LocalBroker
from suites.brokers.sandbox import Sandbox
from suites.harness.station import Station

NO_ROOM = re.compile(r"enospc|no space left", re.IGNORECASE)


def process_of(broker: Broker) -> LocalBroker:
    """The broker, if it is a process whose limits, files and disk are in our hands."""
    if not isinstance(broker, LocalBroker) or not hasattr(resource, "prlimit"):
        verify.unsupported(f"needs a broker process of the harness's own, on Linux; {broker.name}")
    return broker


def files_of(broker: LocalBroker) -> Iterator[tuple[Path, int]]:
    """All regular files of the broker and their sizes; it may remove some meanwhile."""
    for folder, _folders, names in os.walk(broker.folder):  # which passes over what is gone
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.stat().st_size


@contextmanager
def another(station: Station, variables: Mapping[str, str]) -> Iterator[LocalBroker]:
    """A second broker of the kind on trial, whose process has these variables."""
    broker = process_of(registry.parse(station.spec))
    if variables and not broker.preloads:
        verify.unsupported(f"needs a process that LD_PRELOAD has a say in; not {broker.name}")
    broker.variables = variables
    with broker:
        yield broker


@contextmanager
def on_disk(
    model: Broker, octets: int, settings: Mapping[str, str]
) -> Iterator[tuple[LocalBroker, ImageDisk]]:
    """Another one like the model, its data on a disk of so many octets; and the disk.

    The disk is gone afterwards, even if this process is killed.
    """
    broker = process_of(registry.variant(model, settings))
    sandbox = Sandbox("disk")
    try:
        folder = sandbox.folder / "disk"
        folder.mkdir()
        sandbox.watch("command", ["umount", "--lazy", str(folder)])
        with ImageDisk(folder, octets) as disk:
            broker.data = folder / "data"
            broker.data.mkdir()
            _start_within(broker, octets)
            with broker:
                yield broker, disk
    finally:
        sandbox.close()


def _start_within(broker: LocalBroker, octets: int) -> None:
    """Start it; Unsupported if its empty disk is too small, as for RabbitMQ 3.8, for a start."""
    try:
        broker.start()
    except BrokerError as error:
        if NO_ROOM.search(str(error)):
            verify.unsupported(f"{broker.name} does not start on a disk of {octets >> 20} MiB")
        raise
