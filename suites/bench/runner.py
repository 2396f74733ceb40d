"""Measures every scenario on every broker, round by round, each on a fresh process."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reference_broker.wire.errors import WireError
from suites.bench.errors import BenchError, time_limit
from suites.bench.scenario import TEXT, Figures, Scenario
from suites.bench.stage import Stage
from suites.brokers import registry
from suites.brokers.base import Broker, BrokerError, Identity, Unsupported

TIME_LIMIT = 180.0  # seconds for one measurement, its warm-up included


@dataclass(frozen=True, slots=True)
class Sample:
    """What one measurement gave, or why it gave nothing."""

    scenario: str
    broker: str
    round: int
    figures: Figures
    client_share: float = 0.0
    """How much of one processor the client took."""
    failure: str | None = None
    unsupported: bool = False
    """Whether it failed because of what the broker or this machine is, not of what it did."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, on what, how often."""

    brokers: Sequence[str]
    scenarios: Sequence[Scenario]
    rounds: int
    quick: bool

    def speakers(self, scenario: Scenario) -> list[str]:
        """The brokers that speak what the scenario does; BrokerError if one cannot be named."""
        return [spec for spec in self.brokers if speaks(registry.parse(spec), scenario.protocol)]

    def baseline(self, scenario: Scenario) -> str | None:
        """The one that ratios are to: the first beside the subject."""
        others = self.speakers(scenario)[self.brokers[0] in self.speakers(scenario) :]
        return others[0] if others else None


def speaks(broker: Broker, protocol: str) -> bool:
    """Whether a broker of this kind has a port for the protocol."""
    return broker.text if protocol == TEXT else broker.amqp


class Runner:
    """Carries a plan out and keeps what it learned, also when it is interrupted."""

    def __init__(self, plan: Plan, tell: Callable[[Sample], None]) -> None:
        self.samples: list[Sample] = []
        self.identities: dict[str, Identity] = {}
        self._plan = plan
        self._tell = tell
        self._hopeless: set[tuple[str, str]] = set()  # what failed once is not tried again

    def run(self) -> None:
        """All rounds; the brokers take turns in going first. BrokerError if one cannot start."""
        with contextlib.ExitStack() as stack:
            shared = self._introduce(stack)
            for number in range(1, self._plan.rounds + 1):
                order = list(self._plan.brokers)[:: 1 if number % 2 else -1]
                for scenario in self._plan.scenarios:
                    speakers = self._plan.speakers(scenario)
                    for spec in order:
                        if spec in speakers:
                            self._measure(scenario, spec, number, shared.get(spec))

    def _introduce(self, stack: contextlib.ExitStack) -> dict[str, Broker]:
        """Start each broker to learn who it is; in a quick run it stays for all scenarios."""
        shared = {}
        for spec in self._plan.brokers:
            broker = stack.enter_context(registry.parse(spec))
            self.identities[spec] = broker.identity
            if self._plan.quick:
                shared[spec] = broker
            else:
                broker.close()
        return shared

    def _measure(self, scenario: Scenario, spec: str, number: int, shared: Broker | None) -> None:
        if (scenario.name, spec) in self._hopeless:
            return
        variant = scenario.variants.get(spec)
        if variant is not None:
            shared = None
        try:
            with registry.parse(variant or spec) if shared is None else _revived(shared) as broker:
                figures, share = self._play(scenario, broker)
            sample = Sample(scenario.name, spec, number, figures, share)
        except (BenchError, BrokerError, Unsupported, WireError, OSError) as error:
            self._hopeless.add((scenario.name, spec))
            beyond = isinstance(error, Unsupported)
            sample = Sample(scenario.name, spec, number, {}, failure=str(error), unsupported=beyond)
        self.samples.append(sample)
        self._tell(sample)

    def _play(self, scenario: Scenario, broker: Broker) -> tuple[Figures, float]:
        with time_limit(TIME_LIMIT):
            if scenario.warm_up and not self._plan.quick:
                with Stage(broker) as stage:
                    scenario.run(stage, scenario.quick)
            with Stage(broker) as stage:
                count = scenario.quick if self._plan.quick else scenario.count
                return scenario.run(stage, count), stage.meter.client_share


@contextlib.contextmanager
def _revived(broker: Broker) -> Iterator[Broker]:
    """The broker that all scenarios share, started again if the one before has ended it."""
    if not broker.alive():
        broker.start()
    yield broker
