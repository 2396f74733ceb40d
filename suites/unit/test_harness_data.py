from collections.abc import Callable
from pathlib import Path

import pytest

from suites import expectations, requirements
from suites.expectations import ExpectationError
from suites.expectations.writing import UNREVIEWED
from suites.requirements import RequirementError

Write = Callable[[str, str], Path]

GOOD = """
[[requirement]]
id = "zone/name"
level = "MUST"
tier = "core"
summary = "This is done: that happens."
rules = ["basic/01"]
source = "AMQP 0-9-1 basic"
needs = []
"""
DEVIATION = """
[[expectation]]
requirement = "header/higher-version"
observed = "silence"
reason = "It is shy."
link = "https://example.test"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file into a folder of the test's own."""

    def _write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_the_projects_own_files_are_right() -> None:
    """Every requirement and every expectation of the project can be read."""
    assert len({each.area for each in requirements.load().values()}) >= 36
    expectations.check()


def test_each_expectation_has_been_reviewed() -> None:
    """None is as the command wrote it that makes such files."""
    for path in sorted(expectations.FOLDER.glob("*.toml")):
        for entry in expectations.read(path, "3.10.8"):
            assert not entry.reason.startswith(UNREVIEWED), (path.name, entry.requirement)
            assert entry.link.removeprefix("https://"), (path.name, entry.requirement)


def test_a_requirement_is_read_whole(write: Write) -> None:
    """A table becomes a value with every field."""
    path = write("zone.toml", GOOD)
    requirement = requirements.load(path.parent)["zone/name"]
    assert (requirement.area, requirement.rules) == ("zone", ("basic/01",))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"zone/name"', '"other/name"', "other/name: its id should be zone/NAME"),
        ('"zone/name"', '"zone/"', "its id should be zone/NAME"),
        ('"MUST"', '"PERHAPS"', "level PERHAPS is none of"),
        ('"core"', '"rind"', "tier rind is none of"),
        ('rules = ["basic/01"]', 'rules = "basic/01"', "rules should be a list of strings"),
        ("needs = []", "needs = [1]", "needs should be a list of strings"),
        ('summary = "This is done: that happens."', 'summary = ""', "summary should be a string"),
        ("needs = []", "", "missing or unknown: needs"),
        ("needs = []", "needs = []\nextra = 1", "missing or unknown: extra"),
        ("[[requirement]]", "[requirement]", "write only [[requirement]] tables"),
        ("[[requirement]]", "[[requirement", "zone.toml: "),
        ("needs = []", f"needs = []\n{GOOD}", "zone/name stands there twice"),
    ],
)
def test_a_wrong_requirement_is_named(write: Write, old: str, new: str, complaint: str) -> None:
    """The error says which file, which id and what is wrong."""
    path = write("zone.toml", GOOD.replace(old, new, 1))
    with pytest.raises(RequirementError) as caught:
        requirements.load(path.parent)
    assert "zone.toml" in str(caught.value)
    assert complaint in str(caught.value)


def test_an_unknown_requirement_is_refused() -> None:
    """A test cannot bear an id that no file holds."""
    with pytest.raises(RequirementError, match="unknown requirement 'header/nope'"):
        requirements.named("header/nope")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"header/higher-version"', '"header/nope"', "unknown requirement 'header/nope'"),
        ('observed = "silence"', "", "missing or unknown: observed"),
        ('"silence"', '""', "observed should be a string"),
        ('"silence"', '"silence"\nsometimes = 1', "sometimes should be true or absent"),
        ('"silence"', '"silence"\nversions = "new"', "cannot read the versions 'new'"),
        ("[[expectation]]", "conforms = ['header/higher-version']\n[[expectation]]", "conforms"),
        ("[[expectation]]", "extends = 'nobody'\n[[expectation]]", "nobody.toml does not exist"),
        ("[[expectation]]", "extends = 'b'\n[[expectation]]", "b.toml extends itself"),
        ("[[expectation]]", "surprise = 1\n[[expectation]]", "unknown surprise"),
        ("[[expectation]]", "[[expectation", "b.toml: "),
    ],
)
def test_a_wrong_expectation_is_named(write: Write, old: str, new: str, complaint: str) -> None:
    """The error says which file, which requirement and what is wrong."""
    path = write("b.toml", DEVIATION.replace(old, new, 1))
    with pytest.raises(ExpectationError) as caught:
        expectations.check(path.parent)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("versions", "version", "holds"),
    [
        (">=3.2", "3.10.8", True),
        (">=3.10", "3.9", False),
        (">=3.8, <4", "4.0.5", False),
        (">=3.8,<4", "3.13.0-rc.1", True),
        ("==3.10", "3.10.0", True),
        ("<=3.10", "3.10.1", False),
        (">4", "4.1", True),
        (">=3", "unknown", False),
    ],
)
def test_versions(write: Write, versions: str, version: str, holds: bool) -> None:
    """An expectation holds for the versions that meet all its conditions."""
    path = write("b.toml", f'{DEVIATION}versions = "{versions}"\n')
    assert bool(expectations.read(path, version)) is holds


def test_a_file_extends_another(write: Write) -> None:
    """What is inherited is judged as the version given, replaced by one's own, or dropped."""
    second = DEVIATION.replace("higher-version", "unknown-revision")
    third = DEVIATION.replace("higher-version", "byte-at-a-time")
    write("big.toml", f'{DEVIATION}versions = ">=3"\n{second}{third}')
    own = second.replace('"silence"', '"socket closed"')
    top = 'extends = "big"\nextends_version = "3.10"\nconforms = ["header/byte-at-a-time"]\n'
    path = write("small.toml", top + own)
    found = {entry.requirement: entry.observed for entry in expectations.read(path, "0.1")}
    assert found == {
        "header/higher-version": "silence",
        "header/unknown-revision": "socket closed",
    }


def test_what_another_does_sometimes_excuses_nobody(write: Write) -> None:
    """It holds for the broker whose file it stands in, not for one that extends this."""
    second = DEVIATION.replace("higher-version", "unknown-revision")
    big = write("big.toml", f"{DEVIATION}sometimes = true\n{second}")
    assert [entry.sometimes for entry in expectations.read(big, "1")] == [True, False]
    small = write("small.toml", 'extends = "big"\n')
    assert [e.requirement for e in expectations.read(small, "1")] == ["header/unknown-revision"]


def test_the_first_name_with_a_file_holds(write: Write) -> None:
    """A broker's string goes before its kind, and that before its product."""
    write("reference-semantics-spec.toml", "")
    folder = write("rabbitmq.toml", DEVIATION).parent
    read = expectations.for_broker
    assert read(("reference:semantics=spec", "reference", "RabbitMQ"), "1", folder) == ()
    assert len(read(("docker:rabbitmq:4", "docker", "RabbitMQ"), "4.0", folder)) == 1
    assert read(("garagemq", "garagemq", "garagemq"), "1", folder) == ()


def test_an_expectation_concerns_its_requirement_and_test() -> None:
    """A parameter's id at the end of the node id narrows an expectation to it."""
    whole = expectations.Expectation("a/b", "silence", "r", "l")
    narrow = expectations.Expectation("a/b", "silence", "r", "l", test="test_x[two]")
    assert whole.concerns(["a/a", "a/b"], "f.py::test_x[one]")
    assert not whole.concerns(["a/c"], "f.py::test_x[one]")
    assert not narrow.concerns(["a/b"], "f.py::test_x[one]")
    assert narrow.concerns(["a/b"], "f.py::test_x[two]")
