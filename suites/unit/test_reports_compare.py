"""Records side by side over time: diff, trend, merge, and the folder of everything."""

import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from reports import diff, trend
from reports.__main__ import main
from reports.diff import Kind
from reports.load import load
from reports.merge import merge
from reports.model import Broker, Case, Record, RecordError, Verdict
from reports.record import Recorder
from reports.render import SUFFIXES, allure
from suites.unit.test_reports import NOW, case, header, written
from suites.unit.test_reports_render import HOSTILE, evident, whole


def seen(verdict: Verdict, **change: str) -> Record:
    """A run of one case."""
    return whole(msgspec.structs.replace(case(verdict), **change))


def kinds(old: Record, new: Record) -> list[Kind]:
    """What kinds of changes there are."""
    return [change.kind for change in diff.changes(old, new)]


@pytest.mark.parametrize("new", Verdict)
@pytest.mark.parametrize("old", Verdict)
def test_diff_of_each_pair_of_verdicts(old: Verdict, new: Verdict) -> None:
    """A graver failure is newly failing, a return to good is fixed, all else is a change."""
    bad, good = [Verdict.FAIL, Verdict.ERROR, Verdict.WEAK], [Verdict.PASS, Verdict.INFORMATIONAL]
    if old is new:
        wanted = []
    elif new in bad and (old not in bad or bad.index(new) < bad.index(old)):
        wanted = [Kind.WORSE]
    elif new in good and old not in good:
        wanted = [Kind.FIXED]
    else:
        wanted = [Kind.CHANGED]
    found = diff.changes(seen(old, test="t"), seen(new, test="t"))
    assert [change.kind for change in found] == wanted
    assert diff.exit_code(found) == int(wanted == [Kind.WORSE])
    assert diff.exit_code(found, strict=True) == int(wanted not in ([], [Kind.FIXED]))


def test_diff_tells_a_changed_observation() -> None:
    """The verdict is the same, and what was seen is another."""
    old = seen(Verdict.DEVIATION, expected="ok", actual="channel.close 404")
    new = seen(Verdict.DEVIATION, expected="ok", actual="channel.close 406")
    (change,) = diff.changes(old, new)
    assert change.kind is Kind.CHANGED
    assert "queue.01: deviation → deviation: expected ok, got channel.close 406" in change.told


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("took 3 ms", "took 4 ms", True),
        ("gone after 2.71 s", "gone after 3.05 s", True),
        ("queue mqproof.0a1b2c3d", "queue mqproof.d4c3b2a1", True),
        ("got 3 messages", "got 4 messages", False),
        ("404", "406", False),
    ],
)
def test_diff_overlooks_what_passes(before: str, after: str, same: bool) -> None:
    """Times and made-up names differ each time; counts and codes do not."""
    old = seen(Verdict.INFORMATIONAL, observation=before)
    new = seen(Verdict.INFORMATIONAL, observation=after)
    assert kinds(old, new) == ([] if same else [Kind.CHANGED])


def test_diff_tells_what_came_and_went() -> None:
    """A requirement that only one run decides is named; one that fails at once is a failure."""
    one, other = case(requirements=("a",)), case(requirements=("b",))
    assert kinds(whole(one), whole(other)) == [Kind.GONE, Kind.ADDED]
    failing = case(Verdict.FAIL, requirements=("b",))
    assert kinds(whole(one), whole(one, failing)) == [Kind.WORSE]


def test_diff_command_is_a_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes: 0 without, 1 with something newly failing, 2 for what cannot be read."""
    good = str(written(tmp_path / "good.jsonl", Verdict.PASS))
    bad = str(written(tmp_path / "bad.jsonl", Verdict.FAIL))
    assert main(["diff", good, good]) == 0
    assert capsys.readouterr().out == "Nothing has changed.\n"
    assert main(["diff", good, bad]) == 1
    assert "newly failing (1)\n  queue.01: pass → fail" in capsys.readouterr().out
    assert main(["diff", bad, good]) == 0
    assert "fixed (1)" in capsys.readouterr().out
    assert main(["diff", bad, str(tmp_path / "gone.jsonl")]) == 2


def of(product: str, version: str, days: int, *verdicts: Verdict) -> Record:
    """A run of a product's version some days later."""
    record = whole(*[case(v, requirements=(f"r{n}",)) for n, v in enumerate(verdicts)])
    broker = Broker(spec=product.lower(), product=product, version=version)
    head = msgspec.structs.replace(record.header, broker=broker, started=NOW + timedelta(days=days))
    return msgspec.structs.replace(record, header=head)


def test_trend_is_by_version_then_by_time() -> None:
    """3.10 comes after 3.8, however they were given, and products stand apart."""
    runs = [
        of("Hare", "3.10.8", 1),
        of("Snail", "1", 0),
        of("Hare", "3.8.9", 2),
        of("Hare", "3.8.9", 0),
    ]
    found = trend.order(runs)
    assert list(found) == ["Hare", "Snail"]
    assert found["Hare"] == [runs[3], runs[2], runs[0]]


def test_trend_draws_every_verdict() -> None:
    """Each verdict of each run has its piece, as tall as its share."""
    record = of(f"Hare{HOSTILE}", "1.0", 0, *Verdict)
    drawing = ET.fromstring(trend.draw([record, of("Snail", "2", 1, Verdict.PASS)]))  # noqa: S314
    space = "{http://www.w3.org/2000/svg}"
    titles = [title.text for title in drawing.iter(f"{space}title")]
    assert titles == [*(f"{verdict}: 1" for verdict in Verdict), "pass: 1"]
    pieces = [r for r in drawing.iter(f"{space}rect") if r.find(f"{space}title") is not None]
    assert len({piece.get("height") for piece in pieces}) == 1
    assert len({piece.get("fill") for piece in pieces}) == len(Verdict)


def test_trend_command_prints_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table goes to standard output, the picture where it was asked for."""
    paths = [str(written(tmp_path / f"{n}.jsonl", Verdict.PASS)) for n in range(2)]
    picture = tmp_path / "trend.svg"
    assert main(["trend", *paths, "--output", str(picture)]) == 0
    assert capsys.readouterr().out.count("| 3.10.8 |") == 2
    assert picture.read_text().startswith("<svg")


def shard(path: Path, *cases: Case, spec: str = "rabbitmq", code: int | None = 0) -> Path:
    """A part of a run; without a code it was cut."""
    with Recorder(path) as recorder:
        recorder.write(header(spec))
        for one in cases:
            recorder.write(one)
        if code is not None:
            recorder.finish(code, NOW + timedelta(minutes=len(cases)))
    return path


def at(name: str, seconds: int, verdict: Verdict = Verdict.PASS) -> Case:
    """A case of this name that began so late."""
    began = NOW + timedelta(seconds=seconds)
    return msgspec.structs.replace(case(verdict), test=name, started=began)


def test_merged_shards_are_one_run(tmp_path: Path) -> None:
    """Cases in the order in which they began, one footer, the gravest exit code."""
    first = shard(tmp_path / "1.jsonl", at("a", 1), at("c", 3))
    second = shard(tmp_path / "2.jsonl", at("b", 2, Verdict.FAIL))
    merged = merge([first, second], tmp_path / "whole.jsonl")
    assert [one.test for one in merged.cases] == ["a", "b", "c"]
    assert merged.footer is not None
    assert merged.footer.exit_code == 1
    assert merged.footer.finished == NOW + timedelta(minutes=2)
    assert merged == load(tmp_path / "whole.jsonl")


def test_merge_with_a_cut_shard_is_incomplete(tmp_path: Path) -> None:
    """What is missing from a part is missing from the whole."""
    first = shard(tmp_path / "1.jsonl", at("a", 1))
    second = shard(tmp_path / "2.jsonl", at("b", 2), code=None)
    assert not merge([first, second], tmp_path / "whole.jsonl").complete


def test_merge_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """Another broker, or a test that is in two shards, is named, and nothing is written."""
    first = shard(tmp_path / "1.jsonl", at("a", 1))
    other = shard(tmp_path / "2.jsonl", at("b", 2), spec="amqp://elsewhere")
    target = tmp_path / "whole.jsonl"
    with pytest.raises(RecordError, match="merge only shards of one broker"):
        merge([first, other], target)
    with pytest.raises(RecordError, match="a is in 2 of the shards"):
        merge([first, first], target)
    assert main(["merge", str(first), str(other), "--output", str(target)]) == 2
    assert not target.exists()


@pytest.mark.parametrize("verdict", Verdict)
def test_allure_has_each_verdict(tmp_path: Path, verdict: Verdict) -> None:
    """Status, category, labels, parameters, steps and attachments of a case of any verdict."""
    lines = ["   0.001 A > ch 1 queue.declare", "   0.002 A < ch 1 queue.declare-ok", "no line"]
    one = msgspec.structs.replace(
        evident(verdict), test="suites/amqp/test_x.py::test_y[1]", transcript=lines
    )
    assert allure.write([whole(one)], tmp_path) == 1
    (path,) = tmp_path.glob("*-result.json")
    result = json.loads(path.read_text())
    assert result["status"] == allure.STATUSES[verdict]
    categories = json.loads((tmp_path / "categories.json").read_text())
    fitting = [c for c in categories if c["messageRegex"] == f"(?s){verdict}:.*"]
    assert [c["matchedStatuses"] for c in fitting] == (
        [] if verdict in {Verdict.PASS, Verdict.INFORMATIONAL} else [[result["status"]]]
    )
    message = result["statusDetails"].get("message", "")
    assert message.startswith("" if verdict is Verdict.PASS else f"{verdict}: reason seen")
    labels = {label["name"]: label["value"] for label in result["labels"]}
    assert labels["epic"] == "AMQP 0-9-1"
    assert (labels["feature"], labels["story"]) == ("queue.declare", "id seen")
    assert labels["severity"] == "critical"
    assert {"name": "broker", "value": "RabbitMQ 3.10.8"} in result["parameters"]
    assert [step["name"] for step in result["steps"]] == ["A sends ch 1 queue.declare"]
    assert [s["name"] for s in result["steps"][0]["steps"]] == ["A gets ch 1 queue.declare-ok"]
    for attachment in result["attachments"]:
        assert (tmp_path / attachment["source"]).read_text()
    assert [a["name"] for a in result["attachments"]] == ["transcript", "log"]
    assert result["links"][0]["url"] == one.link


def test_allure_tells_failed_from_broken() -> None:
    """A broker that fails is failed, a harness that breaks is broken."""
    assert allure.STATUSES[Verdict.FAIL] == "failed"
    assert allure.STATUSES[Verdict.ERROR] == "broken"


def test_two_brokers_are_not_retries_of_each_other(tmp_path: Path) -> None:
    """The same test on two brokers has two histories, and on one broker a single one."""
    first, second = of("Hare", "1", 0, Verdict.PASS), of("Snail", "1", 0, Verdict.PASS)
    again = of("Hare", "1", 1, Verdict.PASS)

    def history(record: Record, folder: str) -> str:
        allure.write([record], tmp_path / folder)
        (path,) = (tmp_path / folder).glob("*-result.json")
        return str(json.loads(path.read_text())["historyId"])

    assert history(first, "a") != history(second, "b")
    assert history(first, "a") == history(again, "c")


def test_allure_keeps_the_history_and_drops_old_results(tmp_path: Path) -> None:
    """What the `allure` command put there stays; results of an earlier run go."""
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "history.json").write_text("{}")
    allure.write([whole(case())], tmp_path)
    allure.write([whole(case())], tmp_path)
    assert len([*tmp_path.glob("*-result.json")]) == 1
    assert (tmp_path / "history" / "history.json").exists()
    environment = (tmp_path / "environment.properties").read_text()
    assert "RabbitMQ-3.10.8.Broker=rabbitmq\n" in environment
    assert json.loads((tmp_path / "executor.json").read_text())["name"] == "mqproof"


def test_report_command_writes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One folder with an index whose every link leads somewhere."""
    path = written(tmp_path / "run.jsonl", *Verdict)
    target = tmp_path / "report"
    (target / "answers").mkdir(parents=True)
    (target / "answers" / "why.html").write_text("<title>Why &amp; how?</title>")
    (target / "answers" / "why.md").write_text("# Why")
    assert main(["report", str(path), "--output", str(target)]) == 0
    assert [str(p) for p in sorted(target.iterdir()) if p.is_file()] == sorted(
        capsys.readouterr().out.split()
    )
    for suffix in SUFFIXES.values():
        assert (target / f"rabbitmq-3.10.8{suffix}").stat().st_size
    index = (target / "index.html").read_text()
    assert "Why &amp; how?" in index
    links = [part.split('"')[0] for part in index.split('href="')[1:]]
    assert "answers/why.html" in links
    assert all((target / link).exists() for link in links if link != "data:,")
    readme = (target / "README.md").read_text()
    links = [part.split(")")[0] for part in readme.split("](")[1:]]
    assert "answers/why.md" in links
    assert all((target / link).exists() for link in links)


def test_report_of_chosen_formats_only(tmp_path: Path) -> None:
    """A published folder may leave out the large documents."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    target = tmp_path / "report"
    assert main(["report", str(path), "--output", str(target), "--format", "badge"]) == 0
    found = {p.name for p in target.iterdir()}
    assert found == {"README.md", "index.html", "matrix.html", "trend.svg", "rabbitmq-3.10.8.svg"}
