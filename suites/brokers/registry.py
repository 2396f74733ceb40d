"""From the string of `--broker` to a broker: kinds are found, one file each, in `kinds/`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from suites.brokers import kinds
from suites.brokers.base import Broker, BrokerError, Unsupported
from suites.brokers.kind import Kind


@cache
def known() -> Mapping[str, Kind]:
    """Every kind by its name, in the order of the names."""
    names = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    modules = [importlib.import_module(f"{kinds.__name__}.{name}") for name in names]
    return {module.KIND.name: module.KIND for module in modules}


def parse(spec: str) -> Broker:
    """The broker that a string such as `rabbitmq` names, not yet started; BrokerError if none."""
    name, _, rest = spec.partition(":")
    kind = known().get(name)
    if kind is None:
        raise BrokerError(f"no kind of broker is named `{name}`; there are:\n{overview()}")
    return kind.create(rest)


def variant(broker: Broker, settings: Mapping[str, str]) -> Broker:
    """Another broker of its kind, with these settings changed and not yet started.

    Unsupported where the kind's string does not take them.
    """
    if lacking := settings.keys() - set(broker.settings):
        keys = ", ".join(sorted(lacking))
        raise Unsupported(f"a broker of the kind `{broker.kind}` cannot be given another {keys}")
    given = broker.spec.partition(":")[2]
    former = dict(part.split("=", 1) for part in given.split(",")) if given else {}
    wanted = sorted({**former, **settings}.items())
    return parse(f"{broker.kind}:" + ",".join(f"{key}={value}" for key, value in wanted))


def overview() -> str:
    """One line a kind: how it is written and what it is."""
    width = max(len(kind.form) for kind in known().values())
    return "\n".join(f"  {kind.form:<{width}}  {kind.summary}" for kind in known().values())
