from reports.answers.model import Cell, Fact
from reports.answers.question import Tone
from reports.answers.questions.old_delivery_tag import (
    ACCEPTED,
    CHANNEL,
    CONNECTION,
    LATER,
    NEVER,
    QUESTION,
    SAME,
)
from suites.answers.experiment import Place, Stage
from suites.answers.experiments.old_delivery_tag import Scene
from suites.brokers import registry
from suites.unit.answers_example import study


def _cell(row: str, column: str, **changed: Fact) -> Cell:
    facts: dict[str, Fact] = {
        "answer": ACCEPTED,
        "raised": NEVER,
        "returned": 0,
        "requeued": "",
        "meant": "m6",
        "settled": "m9",
        "unprocessed": 1,
        "again": 1,
    }
    return Cell(broker="reference", row=row, column=column, facts=facts | changed)


REFUSED: dict[str, Fact] = {
    "answer": "channel.close 406",
    "raised": LATER,
    "returned": 8,
    "settled": "",
    "unprocessed": 0,
}
MEANT: dict[str, Fact] = {"settled": "m6", "unprocessed": 0, "again": 0}


def _answers(*cells: Cell) -> list[str]:
    return [plain.answer for plain in QUESTION.conclude(study(*cells), "reference")]


def test_another_message_is_struck() -> None:
    """The first such cell of the table is the example; refusals are told with what they cost."""
    meaning, refused, damage, noticed = _answers(
        _cell(CONNECTION, "nack 6, requeue", settled="", requeued="m9", unprocessed=0, again=0),
        _cell(CHANNEL, "ack 6"),
        _cell(CONNECTION, "ack 10", **REFUSED),
        _cell(SAME, "ack 6", **MEANT),
    )
    assert meaning.startswith("No: 2 of the 2 that were accepted on a new channel struck other")
    assert "ack 6 on a new channel was meant for m6 and struck m9." in meaning
    assert refused.startswith("It is refused with channel.close 406 (1 cells)")
    assert "up to 8 messages here" in refused
    assert damage.startswith("1 messages that no client had done were settled in 1 of 2 cells")
    assert "2 messages that had been done stayed in the queue" in damage
    assert "an error in 0 of 3 cells" in noticed
    assert noticed.endswith("The next call on the channel did in 1. Nothing ever did in 2.")


def test_a_broker_that_knows_old_tags_would_be_told_otherwise() -> None:
    """The answers follow the facts."""
    meaning, refused, damage, _noticed = _answers(_cell(CHANNEL, "ack 6", **MEANT))
    assert meaning == "Yes: each of the 1 that were accepted did what was meant."
    assert refused == "No old tag was refused."
    assert damage == "No message was settled that had not been done."
    assert _answers(_cell(CHANNEL, "ack 6", **REFUSED))[0].startswith("No old tag was accepted")
    assert _answers(_cell(SAME, "ack 6", **MEANT)) == []


def test_in_a_cell() -> None:
    """What was meant stands beside what was done."""
    struck, refused = _cell(CHANNEL, "ack 6"), _cell(CHANNEL, "ack 10", **REFUSED)
    assert QUESTION.told(struck) == "accepted\nmeant: m6\nsettled: m9"
    assert QUESTION.tone(struck) is Tone.BAD
    assert QUESTION.told(refused) == (
        "refused: channel.close 406\nmessages taken back with the channel: 8"
    )
    assert QUESTION.tone(refused) is Tone.MIXED
    assert QUESTION.tone(_cell(SAME, "ack 6", **MEANT)) is Tone.GOOD
    back = _cell(SAME, "nack 6, requeue", settled="", requeued="m6")
    assert QUESTION.told(back) == "accepted\nmeant: m6\nrequeued: m6"
    assert QUESTION.tone(back) is Tone.GOOD


def test_scenes_are_played() -> None:
    """An old tag after a lost connection: one that is taken for another, one that is refused."""
    with registry.parse("reference") as broker:
        stage = Stage(broker, 1, {}, print)
        struck = Scene(stage, Place(CONNECTION, "ack 6")).cell()
        refused = Scene(stage, Place(CHANNEL, "ack 10")).cell()
    assert struck.facts["settled"] == "m9"
    assert struck.facts["unprocessed"] == 1
    assert refused.facts["answer"] == "channel.close 406"
    assert refused.facts["returned"] == 8
    assert any("basic.ack delivery_tag=6" in line for line in struck.transcript)
