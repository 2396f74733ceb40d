"""The command line's options of the resilience suites."""

import pytest

from faults.toxiproxy import ToxiproxyError, version


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--toxiproxy`."""
    parser.getgroup("mqproof").addoption(
        "--toxiproxy",
        metavar="URL",
        help="hurt links by this Toxiproxy server in place of the proxy of our own, and judge its"
        " HTTP API; for instance http://127.0.0.1:8474",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let a Toxiproxy that cannot be reached end the run at once."""
    url = config.getoption("--toxiproxy")
    if url is not None:
        try:
            version(url)
        except ToxiproxyError as error:
            raise pytest.UsageError(f"--toxiproxy: {error}") from None
