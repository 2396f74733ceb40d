from pathlib import Path

import pytest

from reports.answers.model import FORMAT, load, save
from reports.model import RecordError
from suites.unit.answers_example import SEEN, cell, study


def test_a_study_is_read_back_as_it_was(tmp_path: Path) -> None:
    """Every field survives, the folder is made."""
    written = study(SEEN, cell("two", "sky", "day", "grey"))
    path = tmp_path / "made" / "study.jsonl"
    save(written, path)
    assert load(path) == written


def test_what_belongs_to_this_machine_is_not_written(tmp_path: Path) -> None:
    """Home folders are masked, as in records."""
    path = tmp_path / "study.jsonl"
    save(study(cell("one", "sky", "day", "/home/somebody/blue")), path)
    assert "somebody" not in path.read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: not the head"),
        ('{"kind":"cell","broker":"a","row":"b","column":"c"}\n', "line 1: not the head"),
        ("{}\n", "line 1"),
        ("no json\n", "line 1"),
    ],
)
def test_a_wrong_study_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The file and the line are named."""
    path = tmp_path / "study.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=told):
        load(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A reader does not guess."""
    path = tmp_path / "study.jsonl"
    save(study(SEEN), path)
    path.write_text(path.read_text().replace(f'"format":{FORMAT}', '"format":99'))
    with pytest.raises(RecordError, match="format version 99"):
        load(path)


def test_a_missing_study_and_an_unwritable_folder(tmp_path: Path) -> None:
    """Each is one clear line."""
    with pytest.raises(RecordError, match="cannot read the study"):
        load(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot write the study"):
        save(study(SEEN), tmp_path / "file" / "study.jsonl")
