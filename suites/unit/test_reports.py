"""What a record keeps, and what reading it back refuses."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from reports.analyse import Outcome, outcome
from reports.load import load
from reports.model import Broker, Case, Header, Level, RecordError, Verdict
from reports.record import Recorder, run_path

NOW = datetime(2026, 11, 20, 9, 30, 15, tzinfo=UTC)


def header(spec: str = "rabbitmq") -> Header:
    """Make a header for the broker named `spec`."""
    return Header(
        started=NOW,
        broker=Broker(spec=spec, product="RabbitMQ", version="3.10.8"),
        platform="Linux",
        python="3.11.2",
        project="0.1.0",
        repeat=f"nox -s conformance -- --broker {spec}",
    )


def case(
    verdict: Verdict = Verdict.PASS,
    *,
    area: str = "queue.declare",
    level: Level = Level.MUST,
    requirements: tuple[str, ...] = ("queue.01",),
    log: str | None = None,
) -> Case:
    """Make a case of one verdict, with no evidence but a log."""
    return Case(
        test=f"suites/amqp/test_queue.py::test_{verdict}",
        requirements=list(requirements),
        area=area,
        level=level,
        summary="A second declare is refused",
        verdict=verdict,
        started=NOW,
        duration=0.25,
        repeat="nox -s conformance -- -k queue.01",
        log=log,
    )


def written(path: Path, *verdicts: Verdict) -> Path:
    """Write a whole record of one case a verdict."""
    with Recorder(path) as recorder:
        recorder.write(header())
        for verdict in verdicts:
            recorder.write(case(verdict))
        recorder.finish(finished=NOW + timedelta(seconds=5))
    return path


def begun(path: Path, *cases: Case) -> Path:
    """Write a record whose run never reached its end."""
    with Recorder(path) as recorder:
        recorder.write(header())
        for one in cases:
            recorder.write(one)
    return path


def test_record_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Every verdict survives the way to the file and back, in order."""
    record = load(written(tmp_path / "run.jsonl", *Verdict))
    assert record.header == header()
    assert record.cases == [case(verdict) for verdict in Verdict]
    assert record.complete
    assert not record.torn
    assert record.footer
    assert record.footer.counts == dict.fromkeys(Verdict, 1)


def test_each_case_is_on_disk_before_the_next(tmp_path: Path) -> None:
    """A crash right after a case loses nothing of it: no close, no flush is needed."""
    with Recorder(tmp_path / "run.jsonl") as recorder:
        recorder.write(header())
        recorder.write(case(Verdict.FAIL))
        record = load(recorder.path)
    assert [found.verdict for found in record.cases] == [Verdict.FAIL]
    assert not record.complete


def test_case_line_has_its_kind_and_verdict(tmp_path: Path) -> None:
    """Other tools may read the lines as plain JSON."""
    lines = written(tmp_path / "run.jsonl", Verdict.DEVIATION).read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["header", "case", "footer"]
    assert json.loads(lines[1])["verdict"] == "deviation"


@pytest.mark.parametrize("keep", [1, 20, -1], ids=["one byte", "twenty bytes", "all but the end"])
def test_torn_last_line_is_dropped_and_said(tmp_path: Path, keep: int) -> None:
    """A line that the crash cut short is left out, whatever is left of it."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS, Verdict.PASS)
    first, second, third, _footer = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second + third.rstrip(b"\n")[:keep])
    record = load(path)
    assert len(record.cases) == 1
    assert record.torn
    assert outcome(record) is Outcome.INCOMPLETE


def test_record_cut_within_a_character_is_torn(tmp_path: Path) -> None:
    """A cut may fall inside the bytes of one UTF-8 letter."""
    path = begun(tmp_path / "run.jsonl", case())
    path.write_bytes(path.read_bytes() + '{"kind":"case","test":"é'.encode()[:-1])
    record = load(path)
    assert record.torn
    assert record.cases == [case()]


def test_last_line_without_newline_is_not_torn(tmp_path: Path) -> None:
    """An editor may take the last newline away without harm."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    record = load(path)
    assert record.complete
    assert not record.torn


def test_empty_file_is_refused(tmp_path: Path) -> None:
    """A file without a header tells of no run at all."""
    path = tmp_path / "run.jsonl"
    path.touch()
    with pytest.raises(RecordError, match=r"run\.jsonl is empty: no header was written"):
        load(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """The error names the path and the cause."""
    with pytest.raises(RecordError, match=r"cannot read the record .*gone\.jsonl: No such file"):
        load(tmp_path / "gone.jsonl")


def test_unknown_format_version_is_refused_before_its_fields(tmp_path: Path) -> None:
    """A later version may have other fields; its number is what the reader is told."""
    path = tmp_path / "run.jsonl"
    path.write_text('{"kind":"header","format":99,"novelty":true}\n')
    with pytest.raises(RecordError, match="line 1: format version 99 is unknown"):
        load(path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"verdict": "great"}, r"line 2: .*great.*\$\.verdict"),
        ({"level": "PERHAPS"}, r"line 2: .*PERHAPS.*\$\.level"),
        ({"duration": -1.0}, r"line 2: .*>= 0.*\$\.duration"),
        ({"started": "2026-11-20T09:30:15"}, r"line 2: .*timezone.*\$\.started"),
        ({"colour": "red"}, "line 2: .*unknown field `colour`"),
        ({"kind": "rumour"}, "line 2: .*rumour"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_line_is_refused_by_number(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    """Each field is checked, and the message says where it is wrong."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecordError, match=complaint):
        load(path)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ([1, 0, 2], "line 1: not the header of a record"),
        ([0, 2, 1], "line 2: a footer stands among the cases"),
        ([0, 0, 1, 2], "line 2: a header stands among the cases"),
        ([0, 1, 1, 2], "line 4: the footer counts 1 cases with other verdicts than the 2 above"),
        ([0, 2], "line 2: the footer counts 1 cases with other verdicts than the 0 above"),
    ],
    ids=["case first", "footer inside", "two headers", "case added", "case lost"],
)
def test_lines_out_of_place_are_refused(tmp_path: Path, order: list[int], complaint: str) -> None:
    """Whole lines that were moved, added or removed are not taken for a run."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[index] for index in order))
    with pytest.raises(RecordError, match=complaint):
        load(path)


def test_blank_line_inside_is_refused(tmp_path: Path) -> None:
    """A hole in the record is not skipped."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    path.write_text(path.read_text().replace("\n", "\n\n", 1))
    with pytest.raises(RecordError, match="line 2: "):
        load(path)


def test_record_begins_with_its_one_header(tmp_path: Path) -> None:
    """A case before the header, or a second header, is the caller's mistake."""
    with Recorder(tmp_path / "run.jsonl") as recorder:
        with pytest.raises(RecordError, match="begins with its header"):
            recorder.write(case())
        recorder.write(header())
        with pytest.raises(RecordError, match="has only one"):
            recorder.write(header())


def test_nothing_is_written_after_the_footer(tmp_path: Path) -> None:
    """A finished record is closed."""
    with Recorder(tmp_path / "run.jsonl") as recorder:
        recorder.write(header())
        recorder.finish()
        with pytest.raises(RecordError, match=r"cannot write to the record .*: it is closed"):
            recorder.write(case())


def test_record_is_never_overwritten(tmp_path: Path) -> None:
    """An old record is evidence."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    with pytest.raises(RecordError, match="it exists already"):
        Recorder(path)
    assert len(load(path).cases) == 1


def test_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """A folder below a plain file cannot be written to, whoever asks."""
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"begin the record .*: Not a directory") as refused:
        Recorder(tmp_path / "file" / "runs" / "run.jsonl")
    assert "\n" not in str(refused.value)


def test_full_disk_ends_the_record(tmp_path: Path) -> None:
    """A line that did not fit whole is the last one, so that none is joined to it."""
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    recorder = Recorder(tmp_path / "run.jsonl")
    recorder.close()
    recorder._file = full.open("wb", buffering=0)  # noqa: SLF001 - the disk cannot be filled
    with pytest.raises(RecordError, match="No space left on device; free some space"):
        recorder.write(header())
    with pytest.raises(RecordError, match="it is closed"):
        recorder.write(header())


def test_masked_password_reaches_no_field_of_the_file(tmp_path: Path) -> None:
    """The broker's URL stands in the spec and in each command that repeats something."""
    path = tmp_path / "run.jsonl"
    with Recorder(path) as recorder:
        recorder.write(header("amqp://judge:hunter2@127.0.0.1:5672/%2f"))
        evidence = ["-> amqp://judge:hunter2@127.0.0.1"]
        recorder.write(msgspec.structs.replace(case(Verdict.FAIL), transcript=evidence))
    assert "hunter2" not in path.read_text()
    assert load(path).header.broker.spec == "amqp://judge:***@127.0.0.1:5672/%2f"
    assert load(path).cases[0].transcript == ["-> amqp://judge:***@127.0.0.1"]


def test_undecodable_text_is_kept_as_an_escape(tmp_path: Path) -> None:
    """Bytes that came off the wire as lone surrogates do not stop the record."""
    path = begun(tmp_path / "run.jsonl", case(Verdict.FAIL, log="got \udcff\x00 at the end"))
    assert load(path).cases[0].log == "got \\udcff\x00 at the end"


@pytest.mark.parametrize(
    ("broker", "name"),
    [
        ("rabbitmq", "20261120T093015Z-rabbitmq.jsonl"),
        ("reference:mutant=no-ack", "20261120T093015Z-reference-mutant-no-ack.jsonl"),
        ("docker:rabbitmq:4.0/../x", "20261120T093015Z-docker-rabbitmq-4.0-..-x.jsonl"),
        ("amqp://u:secret@[::1]:5672/", "20261120T093015Z-amqp-u-1-5672.jsonl"),
        ("../..", "20261120T093015Z-broker.jsonl"),
    ],
)
def test_run_path_is_a_safe_name(tmp_path: Path, broker: str, name: str) -> None:
    """No broker's name leaves the folder, and none carries a password into it."""
    assert run_path(tmp_path, broker, NOW) == tmp_path / name


def test_run_path_is_in_utc_and_new(tmp_path: Path) -> None:
    """Runs begun in the same second get names of their own."""
    local = NOW.astimezone(timezone(timedelta(hours=-8)))
    first = run_path(tmp_path, "rabbitmq", local)
    assert first.name == "20261120T093015Z-rabbitmq.jsonl"
    first.touch()
    assert run_path(tmp_path, "rabbitmq", local).name == "20261120T093015Z-rabbitmq-2.jsonl"


@pytest.mark.parametrize(
    ("verdicts", "status", "code"),
    [
        ([Verdict.PASS], 0, 0),
        ([Verdict.PASS, Verdict.FAIL], 0, 1),
        ([Verdict.PASS], 2, 2),
        ([], 0, 1),
        ([], 5, 5),
    ],
    ids=["clean", "failure", "interrupted", "nothing", "nothing collected"],
)
def test_footer_exit_code(tmp_path: Path, verdicts: list[Verdict], status: int, code: int) -> None:
    """The footer keeps the runner's own bad ending, and adds that of the verdicts."""
    with Recorder(tmp_path / "run.jsonl") as recorder:
        recorder.write(header())
        for verdict in verdicts:
            recorder.write(case(verdict))
        footer = recorder.finish(status)
    assert footer.exit_code == code
    assert load(recorder.path).footer == footer
    assert (outcome(load(recorder.path)) is Outcome.OK) is (code == 0)
