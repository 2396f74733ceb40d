"""Links that are slow, narrow or in pieces: nothing but time changes."""

import pytest

from faults import Proxy
from faults.toxics import Slicer
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

BODY = bytes(range(256)) * 100


@pytest.mark.requirement("fault/proxy-slicer")
def test_slicer(proxy: Proxy, hurt: RawClients, names: Names) -> None:
    """Frames that arrive in tiny pieces, both ways, are the same frames."""
    queue = names()
    with proxy.fault(Slicer(7)):
        client = hurt()
        client.call(1, "queue.declare", queue=queue)
        client.publish(1, "", queue, BODY)
        client.send(1, "basic.get", queue=queue, no_ack=True)
        client.expect_content(1, "basic.get-ok", BODY)
