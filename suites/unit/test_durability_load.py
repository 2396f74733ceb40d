"""The load that histories are made of: clients whose link breaks, and those who come after them."""

from pathlib import Path

import pytest

import reference_broker
from faults import Proxy
from faults.toxics import CutAfter, Reset
from suites import verify
from suites.brokers.base import Endpoint
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.history import Action, History, Phase
from suites.durability.load import Load
from suites.harness.names import Janitor, Names

SEED = 7


@pytest.mark.parametrize("toxic", [Reset(), CutAfter(2000), CutAfter(3000, reset=True)], ids=repr)
def test_others_take_the_places_of_who_is_cut_off(toxic: Reset | CutAfter, tmp_path: Path) -> None:
    """Every second client is; what they held comes to the new ones, and no message is lost."""
    history = History()
    first = {f"{who}/{SEED}" for who in ("p0", "p1", "p2", "t")}
    newcomers = {f"p1/{SEED}+", f"t/{SEED}+"}
    with (
        reference_broker.running() as broker,
        Proxy(broker.host, broker.port) as link,
        Proxy(broker.host, broker.port) as calm,
    ):
        itself, over, beside = (Endpoint(at.host, at.port) for at in (broker, link, calm))
        site = load.build(itself, Names(itself, Janitor(), "load"))
        clients = Load(beside, history, site, SEED, over)
        clients.run_to(100)
        _await_senders(history, first)
        with link.fault(toxic):
            clients.await_break()
        clients.renew()
        _await_more(history, 100)
        _await_senders(history, newcomers)
        with link.fault(Reset()), calm.fault(Reset()):
            clients.finish()
        load.await_nobody(itself, site)
        history.next_life()
        load.empty(itself, history, site)
    judge(history, AT_LEAST_ONCE, tmp_path)
    assert _senders(history) == first | newcomers


def _await_senders(history: History, wanted: set[str]) -> None:
    """Each of these has sent something."""
    verify.eventually(lambda: _senders(history) >= wanted, "messages of each", within=30)


def _senders(history: History) -> set[str]:
    """Who has sent something."""
    return {event.process for event in list(history.events) if event.action is Action.SEND}


def _await_more(history: History, count: int) -> None:
    """So many further confirms."""
    known = sum(e.action is Action.SEND and e.phase is Phase.OK for e in history.events)
    assert history.await_sends(known + count, 60)
