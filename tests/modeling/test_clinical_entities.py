"""Entities: the same by automaton and by table, exact offsets in any script, one rule for overlaps, clear refusals."""

import builtins
import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from secondopinion.modeling import term_matcher
from secondopinion.modeling.clinical_entities import Entity, EntityFinder, merge_entities
from secondopinion.modeling.entity_recognizers import SpacyRecognizer, find_recognizer, read_rules, rule_recognizer
from secondopinion.modeling.entity_terms import TERMS, builtin_terms
from secondopinion.modeling.term_files import read_terms, write_terms
from secondopinion.modeling.term_folding import fold, fold_term
from secondopinion.modeling.term_matcher import TermMatcher

WORDS = st.sampled_from(
    ["pain", "chest", "Chest", "PAIN", "x", "Ménière", "meniere", "5-FU", "amoxicillin", "penicillin"]
)
TERMS_DRAWN = st.lists(
    st.one_of(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), st.sampled_from(["*cillin", "*in", "*e"])),
    min_size=1,
    max_size=8,
)
JOINTS = st.sampled_from(
    [" ", "  ", "\n", "-", ". ", ", ", "\u200b", " \u200b ", "", "\n\n", "/", "İ", "\u0301 ", "ẞ", "😀"]
)
TEXTS = st.lists(st.tuples(WORDS, JOINTS).map("".join), max_size=14).map("".join)


def found(text, terms, **options):
    return [text[one.start : one.end] for one in EntityFinder(terms, **options)(text)]


@settings(max_examples=80, deadline=None)
@given(TERMS_DRAWN, st.one_of(TEXTS, st.text(max_size=30)))
def test_automaton_and_table_find_the_same(terms, text):
    by_automaton, by_table = (EntityFinder(terms, automaton=automaton)(text) for automaton in (True, False))
    assert by_automaton == by_table
    end = 0
    for one in by_table:
        assert end <= one.start < one.end <= len(text)
        end = one.end
        spelling = fold_term(text[one.start : one.end])
        if one.term.startswith("*"):
            assert spelling.endswith(fold_term(one.term))
            assert " " not in spelling
        else:
            assert spelling == fold_term(one.term)
        # Whole words: another letter on neither side.
        assert (
            not fold(text[: one.start])[0][:-1].strip()
            or fold(text[: one.start] + "|")[0] == fold(text[: one.start])[0]
        )


@given(st.text(max_size=40))
def test_folding_keeps_the_place_of_every_character(text):
    folded, places = fold(text)
    assert len(folded) == len(places)
    assert places[0] == -1
    assert (places[1:] > places[:-1]).all()
    assert "  " not in folded
    for character, place in zip(folded[1:-1], places[1:-1].tolist(), strict=True):
        if character != " ":
            assert fold_term(text[place]) == character


@pytest.mark.parametrize(
    ("text", "terms", "wanted"),
    [
        ("İİİ ẞ aspirin İ", ["aspirin"], [(6, 13)]),
        ("STRAẞE", ["straße"], [(0, 6)]),
        ("DİABETES", ["diabetes"], [(0, 8)]),
        ("asp\u200birin, \u2067aspirin\u2069", ["aspirin"], [(0, 8), (11, 18)]),
        ("cafe\u0301 au lait spot.", ["café au lait spot"], [(0, 18)]),
        ("cafe\u0301", ["cafe"], [(0, 5)]),
        ("Sjogren and SJÖGREN", ["Sjögren"], [(0, 7), (12, 19)]),
        ("😀aspirin😀", ["aspirin"], [(1, 8)]),
        ("חולה עם סוכרת וכאב", ["סוכרת"], [(8, 13)]),
        ("المريض: سُكَّري type 2", ["سكري"], [(8, 15)]),
        ("患者 aspirin 服用", ["aspirin"], [(3, 10)]),
        ("糖尿病", ["糖尿病"], [(0, 3)]),
        ("ＡＳＰＩＲＩＮ", ["aspirin"], [(0, 7)]),
        ("\ud800aspirin", ["aspirin"], [(1, 8)]),
        ("stent\x00stent", ["stent"], [(0, 5), (6, 11)]),
    ],
)
def test_offsets_are_exact_in_any_script(text, terms, wanted):
    for automaton in (True, False):
        assert [(one.start, one.end) for one in EntityFinder(terms, automaton=automaton)(text)] == wanted


@pytest.mark.parametrize("text", ["", " ", "...!?--", "\u200b\u200d", "()[]\n\n", "\u0301"])
def test_texts_without_a_word_hold_no_entity(text):
    assert EntityFinder()(text) == []


def test_the_leftmost_and_then_the_longest_stays():
    terms = {"whole": ["chest pain", "acute chest"], "part": ["chest", "pain", "pain on exertion"]}
    assert found("acute chest pain on exertion", terms) == ["acute chest", "pain on exertion"]
    assert found("chest pain on exertion", terms) == ["chest pain"]
    assert [one.kind for one in EntityFinder(terms)("chest, pain")] == ["part", "part"]


def test_of_equal_stretches_the_first_given_stays():
    finder = EntityFinder({"a": ["stent"], "b": ["Stent", "*tent"]}, patterns={"c": r"\bstent\b"})
    assert finder("stents and stent") == [Entity(11, 16, "a", "stent")]
    assert EntityFinder(["zzz"], patterns={"c": ["sten.", "stents?"]})("stents")[0].end == 6
    same = [Entity(0, 4, "x", "pain")]
    assert merge_entities(same, [Entity(0, 4, "y", "pain")]) == same


def test_words_of_a_term_may_be_apart_but_not_across_a_sentence():
    terms = ["chest pain", "C. difficile", "non-small cell"]
    text = "Chest\n  PAIN; chest-pain. chest. Pain chest\n\npain; c. difficile, C difficile; non small-cell"
    assert found(text, terms) == ["Chest\n  PAIN", "chest-pain", "c. difficile", "C difficile", "non small-cell"]
    assert found("painless heartburn", ["pain", "heart", "burn"]) == []


def test_endings_stand_for_words_with_a_stem():
    finder = EntityFinder({"drug": ["*pril", "*statin"]})
    assert [one.term for one in finder("April: lisinopril, a statin, ATORVASTATIN")] == ["*pril", "*statin"]


def test_own_terms():
    text = (
        "Pt with COPD on apixaban, s/p cholecystectomy; pT2 N0 M0, Gleason 3+4=7, PI-RADS 4; lesions in both kidneys."
    )
    spans = {(one.kind, text[one.start : one.end]) for one in EntityFinder()(text)}
    assert spans == {
        ("problem", "COPD"), ("drug", "apixaban"), ("procedure", "cholecystectomy"), ("finding", "pT2 N0 M0"),
        ("finding", "Gleason 3+4=7"), ("finding", "PI-RADS 4"), ("problem", "lesions"), ("anatomy", "kidneys"),
    }  # fmt: skip
    assert EntityFinder(measurements=True)("a 18mm cyst")[0] == Entity(2, 6, "measurement", "18 mm")
    listed = [term.strip() for terms in TERMS.values() for term in " ".join(terms.split()).split(",")]
    assert len(listed) == len(set(listed)) > 700
    assert all(fold_term(term) for terms in builtin_terms().values() for term in terms)


def test_a_large_dictionary(tmp_path):
    terms = [f"syndrome of {a} {b}" for a in range(250) for b in range(400)]
    write_terms(tmp_path / "terms.txt", terms, ["problem"], [0] * len(terms))
    finder = EntityFinder(tmp_path / "terms.txt")
    text = "no syndrome; syndrome of 7 11, Syndrome OF 249 399. syndrome of 250 0 syndrome of 0 0 " * 20
    entities = finder(text)
    assert len(entities) == 60
    assert [one.term for one in entities[:3]] == ["syndrome of 7 11", "syndrome of 249 399", "syndrome of 0 0"]
    by_table = TermMatcher(terms, automaton=False)
    assert sorted(by_table.find(fold(text)[0])) == sorted(finder._matcher.find(fold(text)[0]))


def test_above_a_number_of_terms_the_table_reads(monkeypatch):
    monkeypatch.setattr(term_matcher, "MOST_IN_AUTOMATON", 2)
    assert [TermMatcher(terms).uses_automaton for terms in (["a", "b"], ["a", "b", "c"])] == [True, False]


def test_without_the_library_nothing_changes(monkeypatch):
    finder = EntityFinder(["pain"])
    monkeypatch.setattr(term_matcher, "ahocorasick", None)
    for one in (EntityFinder(["pain"]), pickle.loads(pickle.dumps(finder))):
        assert not one._matcher.uses_automaton
        assert one("a Pain") == [Entity(2, 6, "entity", "pain")]
    with pytest.raises(ValueError, match="pip install pyahocorasick"):
        TermMatcher(["pain"], automaton=True)


def test_copies_find_the_same():
    finder = EntityFinder(["pain"], patterns={"x": "b+"})
    finder("pain")
    for one in (copy.deepcopy(finder), pickle.loads(pickle.dumps(finder))):
        assert one("pain bb") == finder("pain bb")


def test_files_of_terms(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_bytes("\ufeffchest pain\tproblem\r\n\r\n aspirin \tdrug\nstent\n".encode())
    assert read_terms(path) == (["chest pain", "aspirin", "stent"], ["problem", "drug", "entity"], [0, 1, 2])
    write_terms(tmp_path / "again.txt", ["chest\n pain", "ẞ"], ["problem"], [0, 0])
    assert read_terms(str(tmp_path / "again.txt"))[0] == ["chest pain", "ẞ"]
    path.write_text("a\tb\tc\n")
    with pytest.raises(ValueError, match="terms.txt, line 1: 2 tabs; expected one"):
        EntityFinder(path)
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match="not UTF-8 text"):
        EntityFinder(path)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "holds no term"),
        ({"drug": []}, "holds no term"),
        (["pain", 3], "term 1 is a int"),
        (["  "], "term 0 is empty"),
        ({"drug": "aspirin"}, "the terms of kind 'drug': a str came"),
        ({"": ["aspirin"]}, "kind 0 of the terms is ''"),
        ({"a\tb": ["aspirin"]}, "expected a short text such as 'drug'"),
        (b"pain", "a bytes came"),
        (42, "a int came"),
        (["--", "..."], "no term of the dictionary holds a letter or a digit"),
        ("/no/such/file.txt", "no file at '/no/such/file.txt'"),
    ],
)
def test_dictionaries_of_another_form_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        EntityFinder(terms)


def test_a_pattern_that_is_none_is_refused():
    with pytest.raises(ValueError, match="a pattern of kind 'stage' is no regular expression"):
        EntityFinder(["pain"], patterns={"stage": "("})


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    """A token classifier without layers that takes "pain" for a PROBLEM, and its folder."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    folder = tmp_path_factory.mktemp("tagger")
    words = ["[PAD]", "[UNK]", "pain", "no", "and", "severe"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    model = BertForTokenClassification(
        BertConfig(
            hidden_size=32, num_hidden_layers=0, num_attention_heads=2, intermediate_size=64, vocab_size=len(words),
            max_position_embeddings=32, id2label={0: "O", 1: "B-PROBLEM", 2: "I-PROBLEM"},
        )
    )  # fmt: skip
    with torch.no_grad():
        model.bert.embeddings.position_embeddings.weight.zero_()
        state = model.bert(torch.tensor([[2]])).last_hidden_state[0, 0]
        model.classifier.weight.zero_()
        model.classifier.weight[1] = state
        model.classifier.bias.copy_(torch.tensor([0.75, 0.0, -9.0]) * state.square().sum())
    model.save_pretrained(folder)
    return folder


def test_a_token_classifier_of_the_hub(tagger):
    recognizer = find_recognizer(f"hub:{tagger}")
    text = "No PAIN\n and  pain"
    assert recognizer(text) == [Entity(3, 7, "problem", "PAIN"), Entity(14, 18, "problem", "pain")]
    long = "no and severe " * 40 + "pain"
    assert [(one.start, one.end) for one in recognizer(long)] == [(len(long) - 4, len(long))]
    assert recognizer(" \n") == []


def test_a_pipeline_of_spacy():
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "DISEASE", "pattern": "gout"}])
    assert SpacyRecognizer(nlp)("has gout") == [Entity(4, 8, "disease", "gout")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scispacy:en_core_sci_sm", "pip install 'secondopinion\\[scispacy\\]'"),
        ("medspacy", "'medspacy' does not say which; expected 'scispacy:MODEL', 'medspacy:RULES.json'"),
        ("hub:/no/such/folder", "hub:/no/such/folder cannot be loaded as a token classifier"),
        ("hub:", "'hub:' does not say which"),
        ("spacy", "unknown recogniser 'spacy'; expected 'scispacy:MODEL', 'medspacy:RULES.json' or 'hub:REPOSITORY'"),
    ],
)
def test_recognizers_that_are_not_there(name, message, monkeypatch):
    real = builtins.__import__

    def refuse(module, *args, **kwargs):
        if module in ("spacy", "medspacy"):
            raise ImportError(module)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ValueError, match=message):
        find_recognizer(name)
    with pytest.raises(ValueError, match="pip install 'secondopinion\\[medspacy\\]'"):
        rule_recognizer(RULES)


RULES = [{"literal": "chest pain", "category": "PROBLEM"}, {"literal": "aspirin", "category": "DRUG"}]


def test_rules_of_medspacy(capfd):
    pytest.importorskip("medspacy", reason="medspaCy has an environment of its own")
    find = rule_recognizer(RULES)
    assert find("No Chest Pain, aspirin") == [Entity(3, 13, "problem", "Chest Pain"), Entity(15, 22, "drug", "aspirin")]
    assert "Pain" not in "".join(capfd.readouterr()), "a text's words went to the log"
    with pytest.raises(ValueError, match="medspaCy does not take these rules"):
        rule_recognizer([{"literal": "gout", "category": "PROBLEM", "color": "red"}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no file of rules at"),
        ("{", "rules.json is not valid JSON"),
        ("[]", 'rules.json holds no rules; expected {"target_rules"'),
        (
            '{"target_rules": [{"literal": "gout", "category": "PROBLEM"}, {"literal": ""}]}',
            r"target_rules\[1\] has no",
        ),
    ],
)
def test_rules_that_cannot_be_read(content, message, tmp_path):
    path = tmp_path / "rules.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_rules(path)
