"""The command line's options of the resilience suites."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--toxiproxy`."""
    parser.getgroup("mqproof").addoption(
        "--toxiproxy",
        metavar="URL",
        help="run Toxiproxy's API suite against this server, for instance http://127.0.0.1:8474",
    )
