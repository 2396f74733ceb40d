"""The methods of classes tx and confirm; see https://www.rabbitmq.com/docs/confirms."""

from itertools import groupby
from operator import itemgetter

from reference_broker.wire.errors import SoftError

from .channel import Channel, handles
from .transaction import Transaction


@handles("confirm.select")
def confirm_select(channel: Channel, no_wait: bool) -> None:
    """Confirm each publish from here on."""
    if channel.transaction is not None:
        raise SoftError(406, "cannot switch from tx to confirm mode")
    channel.confirming, channel.ordinary = True, False
    channel.reply(no_wait, "confirm.select-ok")


@handles("tx.select")
def tx_select(channel: Channel) -> None:
    """Hold publishes and acks back until commit."""
    if channel.confirming:
        raise SoftError(406, "cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction, channel.ordinary = Transaction(), False
        channel.session.hub.atomic = False
    channel.reply(False, "tx.select-ok")


@handles("tx.commit")
def tx_commit(channel: Channel) -> None:
    """Publish and settle what was held back; the answer waits for the store's commit.

    Raises SoftError 406 when a full queue refused a message; all else is done.
    """
    transaction = _current(channel)
    channel.transaction = None
    channel.session.hub.atomic = True
    try:
        with channel.session.vhost.burials_held():  # no dead letter comes before what is published
            taken = [channel.route(route, message) for route, message in transaction.publishes]
        for how, group in groupby(transaction.settled, key=itemgetter(1)):
            channel.finish([unacked for _tag, _how, unacked in group], how)
    finally:
        channel.transaction = Transaction()
        channel.session.hub.atomic = False
    if not all(taken):
        raise SoftError(406, "partial tx completion")
    channel.reply(False, "tx.commit-ok")


@handles("tx.rollback")
def tx_rollback(channel: Channel) -> None:
    """Forget the publishes; what was settled is unacked again, under its old tag."""
    transaction = _current(channel)
    channel.transaction = Transaction()
    channel.unacked |= {tag: unacked for tag, _how, unacked in transaction.settled}
    channel.unacked = dict(sorted(channel.unacked.items()))
    channel.reply(False, "tx.rollback-ok")


def _current(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise SoftError(406, "channel is not transactional")
    return channel.transaction
