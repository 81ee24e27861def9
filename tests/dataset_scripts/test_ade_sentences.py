"""Lines of ADE Corpus V2 become sentences: labels, conflicts, places of words, groups."""

import itertools
import random

import pytest
from ade_files import DOSED, DOSES, EFFECTS, LINES, NEGATIVES, RASH, SHARED, TWICE, relation

from secondopinion.dataset_scripts.ade_corpus_v2.grouping import group_sentences, near_copies
from secondopinion.dataset_scripts.ade_corpus_v2.lines import FILES, parse
from secondopinion.dataset_scripts.ade_corpus_v2.sentences import collect, relation_rows
from secondopinion.dataset_scripts.maude.shingles import word_hashes


def collected(changes=None):
    lines = {**LINES, **(changes or {})}
    return collect({name: parse(name, "\n".join(lines[name]).encode()) for name in FILES})


def by_text(changes=None):
    return {sentence.text: sentence for sentence in collected(changes).sentences}


class TestLabels:
    def test_one_row_a_sentence_with_all_it_was_given(self):
        rows = by_text()
        assert len(rows) == 9
        assert (rows[TWICE].label, len(rows[TWICE].relations)) == (1, 3)
        assert (rows[DOSED].label, len(rows[DOSED].doses)) == (1, 1)
        assert (rows[SHARED].label, rows[SHARED].pubmed_ids) == (0, ["35", "36"])
        assert "Weight fell  by 3 kg." in rows

    def test_a_positive_sentence_stays_so_beside_a_negative_copy(self):
        row = by_text()[RASH]
        assert (row.label, row.negative, row.pubmed_ids) == (1, True, ["30", "33", "34"])
        assert collected().both == 1
        assert collected({NEGATIVES: LINES[NEGATIVES] + [f"99 NEG {RASH}"]}).both == 1

    def test_every_line_is_a_row_or_is_counted(self):
        result = collected()
        assert result.dropped == {"ADE-NEG.txt: the same line again": 1}
        assert result.merged == {
            "further relation of a sentence": 3,
            "negative sentence in another article": 1,
            "negative copy of a positive sentence": 1,
            "dose of a sentence": 1,
        }
        lines = sum(map(len, LINES.values()))
        assert len(result.sentences) + result.dropped.total() + result.merged.total() == lines

    def test_a_sentence_with_nothing_but_a_dose_has_no_label(self):
        alone = relation("40", "He took 7 mg of quandine.", "7 mg", "quandine")
        result = collected({DOSES: LINES[DOSES] + [alone]})
        assert result.dropped["DRUG-DOSE.rel: sentence is in neither of the other files"] == 1
        assert all("7 mg" not in sentence.text for sentence in result.sentences)

    def test_ids_do_not_depend_on_the_order_of_lines(self):
        turned = {name: lines[::-1] for name, lines in LINES.items()}
        ids = [[s.id for s in collected(changes).sentences] for changes in (None, turned)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == len(ids[0])
        assert ids[0][0].startswith("7-")


class TestPlaces:
    def test_words_are_where_the_sentence_says(self):
        for sentence in collected().sentences:
            for row in itertools.chain(*relation_rows(sentence)):
                for part in ("adverse_effect", "dose", "drug"):
                    if span := row.get(part):
                        assert sentence.text[span["start"] : span["end"]] == span["text"]

    def test_a_word_that_occurs_twice_is_placed_by_the_document(self):
        relations, _ = relation_rows(by_text()[TWICE])
        assert [row["adverse_effect"]["start"] for row in relations] == [36, 2, 27]
        assert relations[1]["adverse_effect"] == {
            "text": "rash",
            "start": 2,
            "end": 6,
            "document_start": 202,
            "document_end": 206,
        }

    def test_copies_in_two_articles_have_places_of_their_own(self):
        relations, _ = relation_rows(by_text()[RASH])
        assert [row["pubmed_id"] for row in relations] == ["30", "33"]
        assert [row["drug"]["document_start"] for row in relations] == [100, 400]
        assert [row["drug"]["start"] for row in relations] == [0, 0]

    @pytest.mark.parametrize(
        ("line", "places"),
        [
            ("50|Fever, fever on quandine.|fever|500|505|quandine|900|908", (7, 16)),
            ("50|A fever and a fever on quandine.|fever|500|505|quandine|900|908", (None, 23)),
            ("50|Fever on quandine.|chills|500|506|quandine|900|908", (None, 9)),
        ],
        ids=["contradictory, each once", "contradictory, one twice", "not in the sentence"],
    )
    def test_what_the_offsets_do_not_settle(self, line, places):
        row = relation_rows(by_text({EFFECTS: [line]})[line.split("|")[1]])[0][0]
        assert (row["adverse_effect"]["start"], row["drug"]["start"]) == places
        assert row["adverse_effect"]["document_start"] == 500
        assert (row["adverse_effect"]["end"] is None) == (places[0] is None)

    def test_one_sentence_twice_in_one_article(self):
        sentence = "Fever on quandine, fever off quandine."
        lines = [f"50|{sentence}|Fever|100|105|quandine|109|117", f"50|{sentence}|fever|319|324|quandine|329|337"]
        relations, _ = relation_rows(by_text({EFFECTS: lines})[sentence])
        assert [row["adverse_effect"]["start"] for row in relations] == [0, 19]
        assert [row["drug"]["start"] for row in relations] == [9, 29]


class TestGroups:
    def test_articles_that_share_a_sentence_or_a_near_copy(self):
        sentences = collected().sentences
        groups = group_sentences(sentences, 0.7)
        article_group = {p: name for s, name in zip(sentences, groups.names, strict=True) for p in s.pubmed_ids}
        assert article_group == {
            **dict.fromkeys(("30", "33", "34"), "30"),
            **dict.fromkeys(("35", "36", "7"), "7"),
            **{alone: alone for alone in ("31", "32", "37")},
        }
        assert groups.facts["sentences_of_several_articles"] == 2
        assert groups.facts["articles_joined_by_a_shared_sentence"] == 3
        assert (groups.facts["near_copies"], groups.facts["articles_joined_by_near_copies"]) == (1, 1)
        assert groups.facts["near_copies_labelled_otherwise"] == 0
        assert (groups.facts["largest_group"], groups.facts["largest_group_articles"]) == (3, 3)

    def test_near_copies_with_unlike_labels_are_counted(self):
        changes = {NEGATIVES: LINES[NEGATIVES] + ["60 NEG zorbitol caused a rash!"]}
        assert group_sentences(collected(changes).sentences, 0.7).facts["near_copies_labelled_otherwise"] == 1

    @pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 1.0])
    def test_near_copies_are_those_of_every_pair_compared(self, threshold):
        chance = random.Random(5)
        texts = [" ".join(chance.choices("abcde", k=chance.randint(1, 9))) for _ in range(120)]
        sets = [set(word_hashes(text)[1].tolist()) for text in texts]
        expected = [
            (i, j)
            for i, j in itertools.combinations(range(len(texts)), 2)
            if len(sets[i] & sets[j]) >= threshold * len(sets[i] | sets[j])
        ]
        assert near_copies(texts, threshold) == expected
        assert expected
