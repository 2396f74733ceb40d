import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from faults.__main__ import main
from faults.toxiproxy import ToxiproxyServer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_until_a_signal(number: signal.Signals) -> None:
    """It says where it listens, answers there, and ends cleanly."""
    command = [sys.executable, "-m", "faults", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:  # noqa: S603  ours
        try:
            assert served.stdout
            url = served.stdout.readline().rpartition(" ")[2].strip()
            with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:  # noqa: S310  ours
                assert answer.read() == b"2.5.0+mqproof"
            os.kill(served.pid, number)
            assert served.wait(10) == 0
        finally:
            served.kill()


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It says which, and the exit status is 1."""
    with ToxiproxyServer() as server:
        assert main(["serve", "--port", str(server.port)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"faults: cannot listen on 127.0.0.1:{server.port}: ")
    assert said.count("\n") == 1


def test_help_tells_all_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option has its line."""
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    said = capsys.readouterr().out
    assert all(option in said for option in ("--host", "--port", "--seed", "amqp_drop"))


def test_measure_tells_what_the_proxy_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """A round trip and a transfer, direct and through the proxy."""
    assert main(["measure", "--rounds", "1", "--trips", "50", "--megabytes", "20"]) == 0
    said = re.findall(r"(\d+) (us|MB/s)", capsys.readouterr().out)
    assert [unit for _, unit in said] == ["us", "us", "us", "MB/s", "MB/s"]
    assert all(int(number) > 0 for number, unit in said if unit == "MB/s")


def test_measure_of_nothing_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to give."""
    with pytest.raises(SystemExit):
        main(["measure", "--rounds", "0"])
    assert "'0': give a whole number above 0" in capsys.readouterr().err
