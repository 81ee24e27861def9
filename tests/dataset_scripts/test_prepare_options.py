"""Options of each corpus as text, and `secondopinion prepare` for the corpora that have raw files here."""

import re

import pytest
from ade_files import write_files
from mimic_files import note, write_notes, write_votes_csv
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import CORPORA, parse_options


def prepare(*arguments):
    return CliRunner().invoke(app, ["prepare", *map(str, arguments)])


class TestWords:
    def test_types_are_those_of_the_fields(self):
        words = ["min-votes=2", "min_share = .6", "skip_damaged=true", "limit=3", "sections=A,B", "leave_out=a=b"]
        assert parse_options("mimic_iv_outcome", words) == {
            "min_votes": 2,
            "min_share": 0.6,
            "skip_damaged": True,
            "limit": 3,
            "sections": "A,B",
            "leave_out": "a=b",
        }

    @pytest.mark.parametrize(
        ("corpus", "word", "message"),
        [
            (
                "mimic_iv_outcome",
                "min_votes=two",
                "option min_votes is 'two'; expected a whole number, as in min_votes=3",
            ),
            ("mimic_iv_outcome", "min_share=half", "expected a number, as in min_share=0.5"),
            ("ade_corpus_v2", "skip_damaged=yes", "expected true or false"),
            ("ade_corpus_v2", "skip_damaged", "has no value; write it as name=value"),
            ("ade_corpus_v2", "near_duplicates=1", "'near_duplicates' is given twice"),
            ("ade_corpus_v2", "near_duplicate=1", "did you mean 'near_duplicates'. Its options: near_duplicates, skip"),
            ("ade_corpus_v2", "votes=a", "unknown option 'votes' of the ade_corpus_v2 builder; known: near_duplicates"),
            ("mauve", "votes=a", "unknown corpus 'mauve'; did you mean 'maude'"),
        ],
    )
    def test_what_is_wrong_is_said(self, corpus, word, message):
        with pytest.raises(InputError, match=message):
            parse_options(corpus, [word], taken=["near_duplicates"])


class TestCommand:
    def test_ade(self, tmp_path):
        result = prepare("ade_corpus_v2", "--source", write_files(tmp_path / "raw"), "--output", tmp_path / "out")
        assert result.exit_code == 0, result.output
        assert "9 rows from 16 records" in result.stdout
        assert "in another row: further relation of a sentence: 3" in result.stdout
        assert "5 groups" in result.stdout

    def test_mimic(self, tmp_path):
        source = write_notes(tmp_path / "discharge.csv.gz", [note(n) for n in range(4)])
        files = [write_votes_csv(tmp_path / f"{name}.csv", {0: "good", 1: "poor", 9: "good"}) for name in "ab"]
        votes = [argument for file in files for argument in ("--votes", file)]
        result = prepare(
            "mimic_iv_outcome", "--source", source, *votes, "-o", "min_votes=2", "--output", tmp_path / "out"
        )
        assert result.exit_code == 0, result.output
        assert "2 rows from 4 records" in result.stdout
        assert "6 votes on 3 notes by 2 experts; Krippendorff's alpha 1.000" in result.stdout
        assert "voted on but not in the source: 1 notes" in result.stdout

    def test_options_of_another_corpus(self, tmp_path):
        result = prepare("ade_corpus_v2", "--source", tmp_path, "--search", "x", "--output", tmp_path / "out")
        assert isinstance(result.exception, InputError)
        assert "unknown option 'search' of the ade_corpus_v2 builder" in str(result.exception)

    def test_a_key_in_the_environment_is_no_option_of_other_corpora(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OPENFDA_API_KEY", "K3Y")
        result = prepare("ade_corpus_v2", "--source", write_files(tmp_path / "raw"), "--output", tmp_path / "out")
        assert result.exit_code == 0, result.output

    def test_every_corpus_is_named_in_the_help(self):
        # Older versions of typer break a line within a name.
        shown = re.sub(r"[\s│]+", "", prepare("--help").output)
        assert all(corpus in shown for corpus in CORPORA)
