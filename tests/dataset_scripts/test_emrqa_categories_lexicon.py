"""The lexicon: what it knows, by word, suffix, dose or unit, and that it is silent otherwise."""

import pytest

from secondopinion.dataset_scripts.emrqa.lexicon import Lexicon
from secondopinion.dataset_scripts.emrqa.lexicon_terms import SUFFIXES, TERMS
from secondopinion.dataset_scripts.emrqa.phrases import PhraseIndex
from secondopinion.dataset_scripts.emrqa.soft_labels import CATEGORIES


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon()


def named(weights):
    return {name for name, weight in zip(CATEGORIES, weights or (), strict=False) if weight}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Lisinopril 10 mg daily", {"Medication"}),
        ("acebutolol", {"Medication"}),
        ("moxifloxacin and cefazolin", {"Medication"}),
        ("40 units subcutaneously", {"Medication"}),
        ("1 tab b.i.d.", {"Medication"}),
        ("congestive heart failure", {"Diagnosis"}),
        ("diverticulitis", {"Diagnosis"}),
        ("chronic lymphadenopathy", {"Diagnosis"}),
        ("shortness\nof breath", {"Symptoms"}),
        ("arthralgias", {"Symptoms"}),
        ("right hemicolectomy", {"Procedure"}),
        ("a colonoscopy", {"Procedure"}),
        ("chest x-ray", {"Procedure"}),
        ("WBC 12.3", {"Lab Reports"}),
        ("Potassium 4.1", {"Lab Reports"}),
        ("13.2 g/dL", {"Lab Reports"}),
        ("120/80 mmHg", {"Lab Reports"}),
        ("chest pain, treated with aspirin", {"Symptoms", "Medication"}),
        # Words that look like it and are not.
        ("potassium 20 mEq tablets daily", {"Medication"}),
        ("sodium 140 mEq/L", {"Lab Reports"}),
        ("potassium", set()),
        ("cocaine", set()),
        ("biography", set()),
        ("a good prognosis", set()),
        ("the left side", set()),
        ("painless", set()),
        ("May 2027", set()),
        ("2 packs per day", set()),
        ("", set()),
    ],
)
def test_read(lexicon, text, names):
    assert named(lexicon.read(text)) == names


def test_each_distinct_word_counts_once(lexicon):
    assert lexicon.count("aspirin, Aspirin and heparin for gout") == (1, 2, 0, 0, 0)
    assert lexicon.read("aspirin, Aspirin and heparin for gout") == pytest.approx((1 / 3, 2 / 3, 0, 0, 0))


class TestLabel:
    def test_the_answer_goes_before_the_question(self, lexicon):
        assert named(lexicon.label("Which medication is it?", ["gout"])) == {"Diagnosis"}

    @pytest.mark.parametrize(
        ("question", "names"),
        [
            ("What is the dosage?", {"Medication"}),
            ("What was the last potassium level?", {"Lab Reports"}),
            ("Has she ever had a colonoscopy?", {"Procedure"}),
            # What is asked for is of another kind than what is named, or of several kinds.
            ("Why does she take aspirin?", set()),
            ("What is the reason for the colonoscopy?", set()),
            ("Which drugs does she take for headaches?", set()),
            ("Is she allergic to penicillin?", set()),
            ("How was pneumonia diagnosed?", set()),
            ("What is her name?", set()),
        ],
    )
    def test_the_question_speaks_only_for_itself(self, lexicon, question, names):
        assert named(lexicon.label(question, [])) == names


def test_no_term_stands_for_two_categories():
    seen = {}
    for category, words in TERMS.items():
        for term in (" ".join(word.split()) for word in words.split(",")):
            assert seen.setdefault(term, category) == category, term
    assert set(TERMS) == set(CATEGORIES)
    assert {name for name, _, _ in SUFFIXES} < set(CATEGORIES)


class TestPhrases:
    def test_the_longest_wins_and_none_overlap(self):
        index = PhraseIndex([("a b c", 1), ("a b", 2), ("b c d", 3), ("d", 4)])
        assert list(index.find("a b c d a b x b c d")) == [(0, 5, 1), (6, 7, 4), (8, 11, 2), (14, 19, 3)]

    def test_offsets_are_of_the_text_as_it_is(self):
        text = "İİ chest-\npain"
        (found,) = PhraseIndex([("Chest pain", True)]).find(text)
        assert text[found[0] : found[1]] == "chest-\npain"

    @pytest.mark.parametrize("text", ["chest. Pain", "chest, pain", "chest" + " " * 40 + "pain", "chest; pain"])
    def test_sentence_ends_part_words(self, text):
        assert list(PhraseIndex([("chest pain", True)]).find(text)) == []

    def test_terms_without_a_word_are_left_out(self):
        assert len(PhraseIndex([("--", 1), ("", 2), ("a", 3)])) == 1
