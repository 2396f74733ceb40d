"""Containers, for those who have the engine's Python package: see `suites.brokers.containers`."""

from suites.brokers.base import Broker, BrokerError
from suites.brokers.kind import Kind


def create(image: str) -> Broker:
    """A broker from the image; BrokerError if no image is named or the package is missing."""
    if not image:
        raise BrokerError("which image? write docker:IMAGE, such as docker:rabbitmq:4")
    try:
        from suites.brokers.containers import (  # noqa: PLC0415  other kinds work without docker
            ContainerBroker,
        )
    except ModuleNotFoundError as error:
        raise BrokerError(
            f"the Python package `{error.name}` is not installed: pip install 'mqproof[suites]'"
        ) from error
    return ContainerBroker(image)


KIND = Kind("docker", "docker:IMAGE", "a container of the image, serving AMQP on 5672", create)
