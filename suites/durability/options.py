"""The option of the kill tests: how many seeded kills there are."""

import pytest

KILLS = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--kills N`."""
    group = parser.getgroup("mqproof", "message brokers on trial")
    group.addoption(
        "--kills",
        type=int,
        default=KILLS,
        metavar="N",
        help="how often to kill the broker under load, at seeded moments (%(default)s)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `kill_seed` is run once a kill."""
    if "kill_seed" in metafunc.fixturenames:
        metafunc.parametrize("kill_seed", range(metafunc.config.getoption("kills")))
