from celery import Celery, shared_task
from celery.contrib.testing.worker import start_worker

from reference_broker.pytest_plugin import AnyBroker


@shared_task
def add(x: int, y: int) -> int:
    """A task of the application."""
    return x + y


def test_a_task_makes_the_round_trip(amqp_broker: AnyBroker) -> None:
    """A real worker takes the task from the broker and sends the result back through it."""
    app = Celery("application", broker=amqp_broker.url, backend="rpc://", set_as_current=True)
    app.conf.broker_heartbeat = 2  # seconds; by it an idle worker wakes, and sees that it may end
    with start_worker(app, perform_ping_check=False):
        assert add.delay(2, 3).get(timeout=30) == 5
