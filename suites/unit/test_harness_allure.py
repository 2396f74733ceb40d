import json
import subprocess
import sys
from pathlib import Path

import suites

ROOT = Path(suites.__file__).parents[1]


def test_two_brokers_are_two_results_of_allure(tmp_path: Path) -> None:
    """`--alluredir` has protocol, area, requirement, severity, broker and conversation."""
    for broker in ("reference", "reference:semantics=spec"):
        words = ["-q", "--record", "none", "--alluredir", str(tmp_path), "--broker", broker]
        subprocess.run(  # noqa: S603  our own interpreter and suites
            [sys.executable, "-m", "pytest", *words, "suites/amqp/test_ack.py", "-k", "other"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            timeout=100,
        )
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*-result.json")]
    labels = [{one["name"]: one["value"] for one in result["labels"]} for result in results]
    wanted = {"epic": "AMQP 0-9-1", "feature": "ack", "severity": "critical"}
    assert [{name: found[name] for name in wanted} for found in labels] == [wanted] * len(results)
    assert all(found["story"].startswith("ack/") for found in labels)
    assert len({result["historyId"] for result in results}) == len(results) > 1
    talks = [path.read_text() for path in tmp_path.glob("*-attachment.txt")]
    assert len(talks) == len(results)
    assert all("basic.ack" in talk for talk in talks)
