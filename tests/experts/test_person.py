"""People as experts: a queue that hands each row to one person, and a spreadsheet that does no harm."""

import csv
import multiprocessing
import sqlite3
import stat
import threading

import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts import PersonExpert, ReviewQueue, ReviewRow, Vote, export_sheet, import_sheet, read_votes
from secondopinion.experts.votes import write_votes

CLASSES = ["Death", "Injury", "Other"]


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(tmp_path, clock):
    return ReviewQueue(tmp_path / "reviews.sqlite", lease_s=60, clock=clock)


def rows(*scores):
    return [
        ReviewRow(f"r{i}", f"text {i}", CLASSES, "Other", score, "classifier unsure") for i, score in enumerate(scores)
    ]


def test_rows_are_handed_out_by_score(queue):
    assert queue.add(rows(0.1, None, 0.9, 0.1)) == 4
    assert queue.pending() == ["r2", "r0", "r3", "r1"]
    assert queue.next("ann") == ReviewRow("r2", "text 2", tuple(CLASSES), "Other", 0.9, "classifier unsure")
    assert [queue.next(name).id for name in ("bob", "cem", "dee")] == ["r0", "r3", "r1"]
    assert queue.next("eva") is None


def test_a_person_gets_the_row_they_hold_until_they_answer(queue):
    queue.add(rows(0.1, 0.9))
    assert [queue.next("ann").id for _ in range(3)] == ["r1"] * 3
    queue.answer("r1", "Death", "ann")
    assert queue.next("ann").id == "r0"


def test_a_loan_ends_with_its_time(queue, clock):
    queue.add(rows(0.5))
    assert queue.next("ann").id == "r0"
    clock.now += 59
    assert queue.next("bob") is None
    with pytest.raises(InputError, match="row 'r0' is with 'ann' for another 1 s"):
        queue.answer("r0", "Death", "bob")
    clock.now += 1
    assert queue.next("bob").id == "r0"
    with pytest.raises(InputError, match="with 'bob'"):
        queue.answer("r0", "Death", "ann")
    queue.answer("r0", "Injury", "bob")
    assert queue.pending() == []


def test_asking_again_prolongs_the_loan(queue, clock):
    queue.add(rows(0.5))
    queue.next("ann")
    clock.now += 40
    queue.next("ann")
    clock.now += 40
    assert queue.next("bob") is None


def test_votes_say_who_and_when(queue, tmp_path):
    queue.add(rows(0.5, 0.4, 0.3))
    queue.answer("r1", "Death", " ann ", note="see second line")
    queue.answer("r0", None, "bob")
    votes = queue.votes("panel")
    when = "2023-11-14T22:13:20+00:00"
    assert votes == [
        Vote("r0", "panel", None, error="the reviewer could not say", answered_by="bob", answered_at=when),
        Vote("r1", "panel", "Death", raw="see second line", answered_by="ann", answered_at=when),
    ]
    assert read_votes(write_votes(tmp_path / "v.parquet", votes)).rows == votes


def test_the_latest_answer_counts_and_all_are_kept(queue, clock):
    queue.add(rows(0.5))
    queue.answer("r0", "Death", "ann")
    clock.now += 5
    queue.answer("r0", "Injury", "bob", note="no death in the text")
    queue.answer("r0", "Injury", "bob", note="no death in the text")
    assert [(vote.label, vote.answered_by) for vote in queue.votes()] == [("Injury", "bob")]
    assert [(entry["label"], entry["reviewer"]) for entry in queue.history("r0")] == [
        ("Death", "ann"),
        ("Injury", "bob"),
    ]
    assert queue.history("r0")[0]["answered_at"] < queue.history("r0")[1]["answered_at"]
    assert queue.history("r9") == []


def test_adding_again_keeps_answers_and_takes_what_is_new(queue):
    queue.add([{"id": "r0", "text": "t", "label_names": CLASSES}])
    queue.answer("r0", "Death", "ann")
    assert queue.add([ReviewRow("r0", "t", tuple(CLASSES), "Other", 0.5), ReviewRow("r1", "u", tuple(CLASSES))]) == 1
    assert queue.add([ReviewRow("r1", "u", tuple(CLASSES), score=0.7)]) == 0
    assert queue.add([ReviewRow("r1", "u", tuple(CLASSES), "Injury")]) == 0
    assert [vote.label for vote in queue.votes()] == ["Death"]
    assert queue.next("ann") == ReviewRow("r1", "u", tuple(CLASSES), "Injury", 0.7)


def test_the_queue_outlives_the_process(queue):
    queue.add(rows(0.5, 0.4))
    queue.answer("r0", "Death", "ann")
    again = ReviewQueue(queue.path)
    assert (again.pending(), [vote.label for vote in again.votes()]) == (["r1"], ["Death"])


def test_only_the_owner_can_read_it(tmp_path, queue):
    queue.add(rows(0.5))
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
    queue.path.chmod(0o644)
    ReviewQueue(queue.path)
    assert stat.S_IMODE(queue.path.stat().st_mode) == 0o600
    sheet = tmp_path / "sheet.csv"
    export_sheet(queue, sheet, "ann")
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600


def test_a_folder_holds_the_file(tmp_path):
    assert ReviewQueue(tmp_path / "review").path == tmp_path / "review" / "reviews.sqlite"


def test_no_row_goes_to_two_people_in_threads(tmp_path):
    queue = ReviewQueue(tmp_path / "q.sqlite")
    queue.add([{"id": str(i), "text": "t", "label_names": CLASSES} for i in range(40)])
    taken, lock = [], threading.Lock()

    def work(name):
        while (row := queue.next(name)) is not None:
            with lock:
                taken.append((row.id, name))
            queue.answer(row.id, "Other", name)

    threads = [threading.Thread(target=work, args=(f"p{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(row) for row, _ in taken) == list(range(40))
    assert sorted((vote.id, vote.answered_by) for vote in queue.votes()) == sorted(taken)


def _take_all(path, name, found):
    found.put((name, [row.id for row in ReviewQueue(path).take(name, 10, 60)]))


def test_no_row_goes_to_two_people_in_processes(tmp_path):
    queue = ReviewQueue(tmp_path / "q.sqlite")
    queue.add([{"id": str(i), "text": "t", "label_names": CLASSES} for i in range(15)])
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    workers = [context.Process(target=_take_all, args=(queue.path, name, found)) for name in ("ann", "bob")]
    for worker in workers:
        worker.start()
    shares = dict(found.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join(30)
    assert sorted(map(len, shares.values())) == [5, 10]
    assert len({row for share in shares.values() for row in share}) == 15


def test_the_expert_queues_what_has_no_answer(queue):
    expert = PersonExpert(queue, CLASSES, name="panel")
    votes = expert(["a", "b"], ids=["r0", "r1"])
    assert [vote.error for vote in votes] == ["waiting for a person"] * 2
    assert queue.pending() == ["r0", "r1"]
    queue.answer("r1", "Injury", "ann")
    votes = expert(["b", "a", "c"], ids=["r1", "r0", "r2"])
    assert [(vote.id, vote.expert, vote.label) for vote in votes] == [
        ("r1", "panel", "Injury"),
        ("r0", "panel", None),
        ("r2", "panel", None),
    ]
    assert queue.pending() == ["r0", "r2"]
    assert expert.facts() == {"name": "panel", "kind": "person", "remote": False, "label_names": CLASSES}


def test_without_ids_a_row_is_known_by_its_text(queue):
    expert = PersonExpert(queue, CLASSES)
    first = expert(["a", "b"])
    queue.answer(first[1].id, "Death", "ann")
    assert [vote.label for vote in expert(["b", "c", "a"])] == ["Death", None, None]
    with pytest.raises(InputError, match="2 texts and 1 ids"):
        expert(["a", "b"], ids=["1"])


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda q: q.answer("r9", "Death", "ann"), "row 'r9' is not in the queue"),
        (lambda q: q.answer("r0", "Malfunction", "ann"), "none of its classes: Death, Injury, Other"),
        (lambda q: q.answer("r0", "Death", "  "), "a name that is not empty"),
        (lambda q: q.next(""), "a name that is not empty"),
        (lambda q: q.add([{"id": "r0", "text": "another", "label_names": CLASSES}]), "with another text"),
        (lambda q: q.add([{"id": "r0", "text": "text 0", "label_names": ["a", "b"]}]), "or other classes"),
        (lambda q: q.add([{"id": "r1", "txt": "t"}]), "missing or unknown: label_names, text, txt"),
        (lambda q: q.add([{"id": "r1", "text": "t", "label_names": "ab"}]), "at least two classes"),
        (lambda q: q.add([{"id": "r1", "text": "\ud800", "label_names": CLASSES}]), "surrogate"),
    ],
)
def test_bad_input_changes_nothing(queue, act, message):
    queue.add(rows(0.5))
    with pytest.raises(InputError, match=message):
        act(queue)
    assert (queue.pending(), queue.votes()) == (["r0"], [])


def test_a_batch_is_added_whole_or_not_at_all(queue):
    queue.add(rows(0.5))
    with pytest.raises(InputError):
        queue.add([ReviewRow("r8", "new", tuple(CLASSES)), ReviewRow("r0", "another", tuple(CLASSES))])
    assert queue.pending() == ["r0"]


def test_other_files_are_left_alone(tmp_path):
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("not a database, but longer than a header of one hundred bytes " * 3)
    with pytest.raises(InputError, match="cannot be used as a review queue"):
        ReviewQueue(text)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (a)")
    database.close()
    with pytest.raises(InputError, match="no review queue of version 1"):
        ReviewQueue(other)
    assert text.read_text().startswith("not a database")


def test_a_text_does_not_show_by_accident():
    assert "secret" not in repr(ReviewRow("r0", "secret", tuple(CLASSES)))


NASTY = ["=1+1", "+49 1", "-5 mg", "@cmd", "\t=x", "'=kept", "''", 'a "b", c;\nd', "＝1", "plain", "- item\n=x"]


def fill(path, answers, delimiter=",", encoding="utf-8-sig"):
    """Fill a sheet in as a spreadsheet would, and save it."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    for row in table:
        row["label"], row["note"] = answers.get(row["id"], ("", ""))
    with open(path, "w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(table)


def test_no_cell_of_a_sheet_is_a_formula(queue, tmp_path):
    queue.add([ReviewRow(f"{text}#{i}", text, ("-1", "=2"), "-1", -0.5, text) for i, text in enumerate(NASTY)])
    path = tmp_path / "sheet.csv"
    assert export_sheet(queue, path, "ann") == len(NASTY)
    with open(path, encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert not [cell for row in table for cell in row if cell[:1] in tuple("=+-@\t\r\n＝＋－＠")]
    assert [row[1] for row in table[1:]] == [
        f"'{text}" if text[0] in "=+-@\t＝" or text == "'=kept" else text for text in NASTY
    ]


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-8-sig")])
def test_a_sheet_goes_out_and_comes_back(queue, tmp_path, delimiter, encoding):
    names = ("-1", "Größe")
    queue.add([ReviewRow(f"-{i}", "text", names) for i in range(4)])
    path = tmp_path / "sheet.csv"
    export_sheet(queue, path, "ann")
    answers = {"'-0": ("'-1", ""), "'-1": ("Größe", "'=kept"), "'-2": ("?", "illegible")}
    fill(path, answers, delimiter, encoding)
    assert import_sheet(queue, path, "ann") == 3
    assert import_sheet(queue, path, "ann") == 0
    assert [(vote.id, vote.label, vote.raw) for vote in queue.votes()] == [
        ("-0", "-1", None),
        ("-1", "Größe", "=kept"),
        ("-2", None, "illegible"),
    ]
    assert queue.pending() == ["-3"]


def test_exported_rows_are_lent(queue, tmp_path, clock):
    queue.add(rows(0.9, 0.8, 0.7))
    assert export_sheet(queue, tmp_path / "ann.csv", "ann", limit=2) == 2
    assert export_sheet(queue, tmp_path / "bob.csv", "bob") == 1
    clock.now += 6 * 86400
    assert queue.next("cem") is None
    assert queue.next("ann").id == "r0"
    clock.now += 86400 + 1
    assert queue.next("cem").id == "r0"


def test_looking_at_an_exported_row_does_not_shorten_its_loan(queue, tmp_path, clock):
    queue.add(rows(0.9))
    export_sheet(queue, tmp_path / "ann.csv", "ann")
    queue.next("ann")
    clock.now += 86400
    assert queue.next("bob") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("name,answer\nr0,Death\n", "lacks the column 'id'"),
        ("id,label\nr9,Death\n", "row 'r9' is not in the queue"),
        ("id,label\nr1,Death\nr0,Malfunction\n", "none of its classes"),
        ("id,label\nr0,Death\nr0,Injury\n", "row 3: 'r0' has an answer further up"),
        ("id,label\nr2,Death\n", "is with 'bob'"),
        ('id,label\nr0,"Death\n', "is not CSV"),
    ],
)
def test_sheets_that_do_not_fit_change_nothing(queue, tmp_path, content, message):
    queue.add(rows(0.1, 0.2, 0.9))
    assert queue.next("bob").id == "r2"
    path = tmp_path / "sheet.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        import_sheet(queue, path, "ann")
    assert queue.votes() == []


def test_a_note_longer_than_csvs_limit(queue, tmp_path):
    queue.add([ReviewRow("r0", "long " * 40_000, tuple(CLASSES))])
    path = tmp_path / "sheet.csv"
    export_sheet(queue, path, "ann")
    import_sheet(queue, path, "ann")
    assert queue.pending() == ["r0"]
