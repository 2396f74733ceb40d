"""All of it on one screen: `pytest --broker X --probe`."""

from collections.abc import Iterable, Iterator

import pytest

from suites.brokers import registry
from suites.brokers.base import CAPABILITIES, Broker, BrokerError
from suites.brokers.kinds.rabbitmq import RabbitMQ
from suites.doctor import causes, probes
from suites.doctor.probes import Finding
from suites.harness.station import Station
from suites.verify import Mismatch

LINES_SHOWN = 6  # of an error whose cause nobody knows
WIDTH = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that runs no test."""
    parser.getgroup("mqproof").addoption(
        "--probe",
        action="store_true",
        help="run no test: say what the broker is, what it claims and what it can, "
        "or why it does not start",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """With --probe, print the screen and end; 0 if the broker runs and keeps what it claims."""
    if not config.getoption("probe"):
        return None
    try:
        registry.parse(config.getoption("broker"))
    except BrokerError as error:
        raise pytest.UsageError(str(error)) from error
    healthy = True
    for line, good in screen(config.getoption("broker")):
        print(line[:WIDTH])  # noqa: T201  the option's whole purpose
        healthy = healthy and good
    return 0 if healthy else 1


def screen(spec: str) -> Iterator[tuple[str, bool]]:
    """Line by line what is to say of the broker, each with whether it is good news."""
    station = Station(spec)
    try:
        station.up()
    except BrokerError as error:
        yield from _silent(station.broker, str(error))
    else:
        yield from _running(station)
    finally:
        station.close()


def _running(station: Station) -> Iterator[tuple[str, bool]]:
    broker = station.broker
    identity = broker.identity
    yield f"{broker.name}: {identity.product} {identity.version}", True
    told = ", ".join(f"{key} {value}" for key, value in identity.configuration.items())
    yield f"  configuration: {told or 'unknown'}", True
    able = ", ".join(name for name in CAPABILITIES if name in broker.capabilities)
    yield f"  the harness can use: {able or 'nothing but its port'}", True
    for protocol, port in broker.text_ports.items():
        yield f"  {protocol} on port {port}", True
    if broker.amqp:
        yield from _capable(station)


def _capable(station: Station) -> Iterator[tuple[str, bool]]:
    endpoint = station.broker.endpoint
    yield f"  AMQP 0-9-1 on {endpoint.host}:{endpoint.port}", True
    try:
        claims = probes.capabilities(endpoint)
    except (Mismatch, OSError) as error:
        yield f"  cannot be opened as {endpoint.user}: {error}", False
        return
    findings = list(probes.examine(station))
    yield from told(findings)
    unprobed = probes.unprobed(claims, findings)
    if unprobed:
        yield f"  claimed, and not probed: {', '.join(unprobed)}", True


def told(findings: Iterable[Finding]) -> Iterator[tuple[str, bool]]:
    """A line for each finding: claim and truth, and what came instead where they differ."""
    yield f"  {'capability':<30} {'claimed':<9} there", True
    for finding in findings:
        claimed = {True: "yes", False: "no", None: "-"}[finding.claimed]
        there = "yes" if finding.there else f"no: {finding.seen}"
        belied = finding.claimed is not None and finding.claimed is not finding.there
        note = "   <- the claim is wrong" if belied else ""
        yield f"  {finding.name:<30} {claimed:<9} {there}{note}", not belied


def _silent(broker: Broker, error: str) -> Iterator[tuple[str, bool]]:
    """Why it does not run, as far as anybody knows."""
    first, *rest = error.splitlines() or [""]
    yield f"{broker.name} does not run: {first}", False
    known = causes.named(error)
    if known is not None:
        yield f"  cause: {known}", False
    if isinstance(broker, RabbitMQ) and broker.installed:
        yield from _around(known is not None)
    if known is None:
        for line in rest[-LINES_SHOWN:]:
            yield f"  | {line}", True


def _around(known: bool) -> Iterator[tuple[str, bool]]:
    for check in causes.surroundings():
        sign = "!!" if check.wrong else "ok"
        yield f"  {sign}  {check.what}" + (f": {check.wrong}" if check.wrong else ""), True
    if not known:
        yield "  the cause is none that is known; its log ends with:", True
