"""Abbreviations are expanded where their sense is sure, and nowhere else."""

import json

import pytest

from secondopinion.modeling.abbreviation_table import AMBIGUOUS, SINGLE_SENSES
from secondopinion.modeling.abbreviations import AbbreviationTable, find_abbreviations
from secondopinion.modeling.aligned_text import apply_edits


def expand(text, table=None):
    return apply_edits(text, find_abbreviations(text, table)).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTN and COPD", "hypertension and chronic obstructive pulmonary disease"),
        ("CAD/CHF", "coronary artery disease/congestive heart failure"),
        ("s/p TKA", "status post total knee arthroplasty"),
        ("aspirin p.o. b.i.d.", "aspirin by mouth twice daily"),
        ("DVTs, DTRs, UTIs", "deep vein thromboses, deep tendon reflexes, urinary tract infections"),
        ("SHTN HTNX htn x-HTN HTN-2", "SHTN HTNX htn x-HTN HTN-2"),
        ("congestive heart failure (CHF)", "congestive heart failure (CHF)"),
        ("CHF (congestive heart failure)", "CHF (congestive heart failure)"),
        ("MS noted", "MS noted"),
        ("MS with demyelinating plaques", "multiple sclerosis with demyelinating plaques"),
        ("MS with a rheumatic valve", "mitral stenosis with a rheumatic valve"),
        ("MS. Jones has a rheumatic valve", "MS. Jones has a rheumatic valve"),
        ("MS: demyelinating plaques, rheumatic valve", "MS: demyelinating plaques, rheumatic valve"),
        ("97% sat on RA", "97% sat on room air"),
        ("RA on methotrexate", "rheumatoid arthritis on methotrexate"),
        ("seen on Saturday, RA", "seen on Saturday, RA"),
        ("PT 12, INR 1.1", "prothrombin time 12, international normalized ratio 1.1"),
        ("PT for gait", "physical therapy for gait"),
        ("no CVA tenderness", "no costovertebral angle tenderness"),
        ("ICD-9 code", "ICD-9 code"),
    ],
)
def test_senses(text, expected):
    assert expand(text) == expected


def test_a_text_that_introduces_an_abbreviation_settles_its_sense():
    far = "x" * 200
    assert expand(f"multiple sclerosis (MS). {far} MS") == f"multiple sclerosis (MS). {far} multiple sclerosis"


def test_the_authored_table_is_whole():
    table = AbbreviationTable.builtin()
    assert len(table.entries) == len(SINGLE_SENSES) + len(AMBIGUOUS) >= 180
    assert not SINGLE_SENSES.keys() & AMBIGUOUS.keys()
    for short in ("MS", "RA", "PT", "CP"):
        assert len(table.entries[short]) > 1
        for expansion, cues in table.entries[short].items():
            assert expand(f"{short} ({cues[0]})").startswith(expansion)


def test_users_files(tmp_path):
    rows = {"XY": "extra yield", "MS": {"mass spectrometry": ["ion"], "mitral stenosis": ["valve"]}}
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "b.csv").write_text(
        'abbreviation,expansion,cues\nXY,extra yield,\nMS,mass spectrometry,ion\nMS,"mitral stenosis",valve\n',
        encoding="utf-8-sig",
    )
    tables = [AbbreviationTable.from_file(tmp_path / name) for name in ("a.json", "b.csv")]
    assert tables[0].entries == tables[1].entries == rows
    for table in tables:
        assert expand("XY; MS of an ion; HTN", table) == "extra yield; mass spectrometry of an ion; HTN"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "the table of abbreviations is empty"),
        ({"": "x"}, "is no text that begins with a letter"),
        ({"2D": "two-dimensional"}, "'2D' is no text that begins with a letter"),
        ({"A" * 65: "x"}, "has 65 characters; expected at most 64"),
        ({"HTN": 5}, "the expansion of 'HTN' is 5; expected a text"),
        ({"MS": {}}, "'MS' has no expansion"),
        ({"MS": {"mass": "ion"}}, "expected a list of texts"),
        ({"HT": "high HT"}, "the expansion of 'HT' holds the abbreviation 'HT'; write it out"),
    ],
)
def test_wrong_entries_are_refused(entries, message):
    with pytest.raises(ValueError, match=message):
        AbbreviationTable(entries)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "[1]", "holds a list; expected"),
        ("a.json", "{", "is not JSON"),
        ("a.csv", "short,long\nA,b\n", "has no column 'abbreviation'"),
        ("a.txt", "A b", r"ends with .txt; expected a .json or .csv file"),
    ],
)
def test_wrong_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        AbbreviationTable.from_file(tmp_path / name)
