"""Vote files: written and read in three forms, and checked against the rows they are for."""

import pyarrow.parquet as pq
import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts.votes import VOTE_SCHEMA, Vote, Votes, check_votes, read_votes, write_votes

FACTS = {"name": "tiny", "kind": "llm", "prompt_sha1": "a" * 40, "label_names": ["no", "yes"]}
VOTES = [
    Vote("1", "tiny", "yes", [0.25, 0.75], "a" * 40, 30, 5, 0.001, 0.5, raw='{"label": "yes"}\n', answered_at="2025"),
    Vote("2", "tiny", None, prompt_sha1="a" * 40, error="off_list", raw='may, "be"'),
    Vote("3", "ann", "no", answered_by="Ann Ö"),
]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_votes_come_back_as_they_went(tmp_path, ending):
    path = write_votes(tmp_path / f"votes.{ending}", VOTES, FACTS)
    read = read_votes(path)
    assert read.rows == VOTES
    assert read.facts == (FACTS if ending == "parquet" else {})
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_parquet_has_the_declared_schema(tmp_path):
    path = write_votes(tmp_path / "votes.parquet", [], FACTS)
    assert pq.read_schema(path).remove_metadata() == VOTE_SCHEMA
    assert read_votes(path).rows == []


def test_a_failed_write_leaves_the_older_file(tmp_path):
    path = write_votes(tmp_path / "votes.parquet", VOTES, FACTS)
    before = path.read_bytes()
    with pytest.raises(InputError, match="plain data"):
        write_votes(path, VOTES, {"name": object()})
    with pytest.raises(Exception, match="int"):
        write_votes(path, [Vote("1", "tiny", "yes", input_tokens="many")], FACTS)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_plain_table_of_answers_is_enough(tmp_path):
    path = tmp_path / "gpt.csv"
    path.write_text("id,label,note\n7,yes,x\n8,,y\n", encoding="utf-8")
    assert read_votes(path).rows == [Vote("7", "gpt", "yes"), Vote("8", "gpt", None)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("votes.csv", b"id,answer\n1,yes\n", r"lacks the column label; it has id, answer"),
        ("votes.csv", b"", r"lacks the columns id, label; it has none"),
        ("votes.csv", b"id,label\n\xff\xfe,yes\n", "damaged or cut off"),
        ("votes.csv", b"id,label,cost_usd\n1,yes,cheap\n", "row 1: cost_usd must be a number"),
        ("votes.csv", b"id,label,probabilities\n1,yes,half\n", "row 1: probabilities must be a list"),
        ("votes.csv", b"id,label\n,yes\n", "row 1 has no id"),
        ("votes.jsonl", b'{"id": "1", "label": "yes"}\n{"id": "2", "la', "line 2 is not a JSON object"),
        ("votes.parquet", b"PAR1 and then nothing", "cannot be read as parquet .*damaged"),
        ("votes.txt", b"", r"ends in .parquet, .jsonl, .csv, not in '.txt'"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_votes(path)


def test_a_missing_file_names_the_verb(tmp_path):
    with pytest.raises(InputError, match="does not exist; collect votes with: secondopinion ask"):
        read_votes(tmp_path / "votes.parquet")


def test_half_a_parquet_file_is_damaged(tmp_path):
    path = write_votes(tmp_path / "votes.parquet", VOTES, FACTS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="damaged or cut off"):
        read_votes(path)


def rows(*labels, expert="tiny", **more):
    return [Vote(str(n), expert, label, **more) for n, label in enumerate(labels)]


IDS = [str(n) for n in range(6)]


def test_good_votes_are_counted():
    votes = Votes(rows("yes", "no", None) + rows("no", expert="ann"))
    assert check_votes(votes, IDS, ["no", "yes"]) == {"rows": 4, "usable": 3, "unusable": 1, "missing": 8}


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([Vote(n, "tiny", "yes") for n in "abcd1"], r"4 of 5 votes are for ids .*'a', 'b', 'c' and 1 more.*Ask the"),
        (rows("yes", "no") + rows("no"), r"1 rows have more than one vote of the same expert: '0'.*Keep one"),
        (rows("yes", "perhaps", "never"), r"2 of 3 votes .*outside the classes: 'never', 'perhaps'.*rename the labels"),
        (rows("yes", probabilities=[0.1, 0.2, 0.7]), r"1 votes do not have 2 probabilities, one a class: '0'"),
        (rows(None, None, error="off_list") + rows("yes", expert="ann"), r"none of the 2 votes of 'tiny'.*off_list 2"),
        ([], "no vote at all"),
        ([*rows("yes", prompt_sha1="a" * 40), Vote("5", "tiny", "no", prompt_sha1="b" * 40)], "2 different prompts"),
    ],
)
def test_bad_votes_are_refused(votes, message):
    with pytest.raises(InputError, match=message):
        check_votes(votes, IDS, ["no", "yes"])


def test_votes_asked_with_another_prompt_are_refused():
    votes = rows("yes", "no", prompt_sha1="b" * 40)
    with pytest.raises(
        InputError, match=r"2 of 2 votes of 'tiny' were asked with another prompt: bbbbbbbbbb, expected a"
    ):
        check_votes(votes, IDS, ["no", "yes"], prompt_sha1="a" * 40)
    assert check_votes(votes, IDS, ["no", "yes"], prompt_sha1="b" * 40)["usable"] == 2
    person = rows("yes", expert="ann")
    assert check_votes(person, IDS, ["no", "yes"], prompt_sha1="a" * 40)["usable"] == 1


def test_a_long_label_is_shown_in_part_only():
    with pytest.raises(InputError) as caught:
        check_votes(rows("x" * 500), IDS, ["no", "yes"])
    assert "x" * 41 not in str(caught.value)
