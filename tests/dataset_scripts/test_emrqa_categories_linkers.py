"""Linkers and UMLS's semantic types: a tiny made knowledge base, and scispaCy itself where it is installed."""

import importlib.util
import json
from types import SimpleNamespace

import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.emrqa.categories import CategoryLabeller
from secondopinion.dataset_scripts.emrqa.linkers import (
    MedSpacyLinker,
    SciSpacyLinker,
    TableLinker,
    find_linker,
    write_table,
)
from secondopinion.dataset_scripts.emrqa.umls import (
    TYPE_WEIGHTS,
    Link,
    Linker,
    link_evidence,
    type_weights,
    value_follows,
)

installed = importlib.util.find_spec


class TestTypes:
    def test_weights_of_each_type_are_at_most_one(self):
        assert all(0 < sum(weights.values()) <= 1 for weights in TYPE_WEIGHTS.values())

    @pytest.mark.parametrize(
        ("types", "weights"),
        [
            (["T047"], (1, 0, 0, 0, 0)),
            (["T033"], (0.4, 0, 0.6, 0, 0)),
            (["T060"], (0, 0, 0, 0.7, 0.3)),
            (["T059"], (0, 0, 0, 0, 1)),
            (["T109"], (0, 0, 0, 0, 0)),
            (["T109", "T121"], (0, 1, 0, 0, 0)),
            (["T116", "T121", "T121"], (0, 1, 0, 0, 0)),
            (["T047", "T184"], (0.5, 0, 0.5, 0, 0)),
            (["T047", "T999"], (1, 0, 0, 0, 0)),
            ([], (0, 0, 0, 0, 0)),
        ],
    )
    def test_a_concept_is_the_mean_of_its_known_types(self, types, weights):
        assert type_weights(types) == pytest.approx(weights)

    def test_a_finding_with_a_value_is_a_lab_result(self):
        links = [Link("C1", ("T033",), 1.0, 0, 11)]
        assert link_evidence("Temperature 38.5 C", links) == (0, 0, 0, 0, 1)
        assert link_evidence("Temperature felt high", links) == pytest.approx((0.4, 0, 0.6, 0, 0))

    @pytest.mark.parametrize(
        ("after", "is_value"),
        [
            (" 38.5", True), (": 120/80", True), (" of 4.1 today", True), (" was <0.5", True), (" (12)", True),
            (" 2 days ago", False), (" 12/03/2019", False), (" on Monday", False), (" 3rd", False), ("", False),
            (" 2-day course", False), (" 5 of 10", False),
        ],
    )  # fmt: skip
    def test_value_follows(self, after, is_value):
        assert value_follows("Finding" + after, 7) is is_value


class TestTable:
    def test_a_file(self, tmp_path):
        path = tmp_path / "terms.tsv"
        path.write_text(
            "cui\tterm\ttypes\tscore\nC1\tgout\tT047\t\nC2\tcold\tT047, T184\t0.5\nC3\tcold\tT070\t0.25\n\n"
        )
        linker = TableLinker(path)
        assert isinstance(linker, Linker)
        assert linker.link("No Gout, a COLD.") == [
            Link("C1", ("T047",), 1.0, 3, 7),
            Link("C2", ("T047", "T184"), 0.5, 11, 15),
            Link("C3", ("T070",), 0.25, 11, 15),
        ]
        assert find_linker(str(path)).link("gout")[0].cui == "C1"

    def test_what_was_written_is_read_again(self, tmp_path):
        path = tmp_path / "terms.tsv"
        assert write_table(path, TableLinker({"gout": "T047", "fever": "T184"}), ["acute gout", "fever", "fever "]) == 2
        assert [link.types for link in TableLinker(path).link("fever and acute gout")] == [("T184",), ("T047",)]
        assert [file.name for file in tmp_path.iterdir()] == ["terms.tsv"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "has no column 'term'; its first line must name them, with tabs between"),
            (b"term types\ngout T047\n", "has no column 'term'"),
            (b"term\ttypes\n", "the table of terms is empty"),
            (b"term\ttypes\ngout\t47\n", "line 2: '47' is no semantic type; they look like T047"),
            (b"term\ttypes\ngout\t\n", "line 2: '' is no semantic type"),
            (b"term\ttypes\tscore\ngout\tT047\tsure\n", "line 2: the score is 'sure'; give a number from 0 to 1"),
            (b"term\ttypes\tscore\ngout\tT047\t1.5\n", "the score is '1.5'"),
            (b"term\ttypes\ngout\tT047\t1\n", "line 2 has 3 cells under 2 columns"),
            (b"term\ttypes\ng\xf6ut\tT047\n", "is no UTF-8 text; save it as UTF-8"),
        ],
    )
    def test_damaged_files_are_refused(self, tmp_path, content, message):
        path = tmp_path / "terms.tsv"
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            TableLinker(path)

    def test_terms_without_types_are_refused(self):
        with pytest.raises(InputError, match="term 2 of the table has no semantic type"):
            TableLinker({"gout": "T047", "fever": []})
        with pytest.raises(InputError, match="the table of terms is empty"):
            TableLinker({})


def made_pipeline():
    """A pipeline with scispaCy's interface: entities with `kb_ents`, and a linker that knows the concepts."""
    known = {"C1": SimpleNamespace(types=["T047"]), "C2": SimpleNamespace(types=["T184"])}

    class Pipeline:
        pipe_names = ("tagger", "scispacy_linker")

        def get_pipe(self, name):
            return SimpleNamespace(kb=SimpleNamespace(cui_to_entity=known))

        def __call__(self, text):
            start = text.find("gout")
            linked = SimpleNamespace(kb_ents=[("C2", 0.71), ("C1", 1.0000001)])
            unlinked = SimpleNamespace(kb_ents=[])
            return SimpleNamespace(
                ents=[
                    SimpleNamespace(_=linked, start_char=start, end_char=start + 4),
                    SimpleNamespace(_=unlinked, start_char=0, end_char=1),
                ]
            )

    return Pipeline()


class TestSciSpacy:
    def test_the_best_concept_of_each_entity(self):
        assert SciSpacyLinker(nlp=made_pipeline()).link("has gout") == [Link("C1", ("T047",), 1.0, 4, 8)]

    def test_a_pipeline_without_a_linker_is_refused(self):
        with pytest.raises(InputError, match="no part named 'scispacy_linkr'; did you mean 'scispacy_linker'"):
            SciSpacyLinker(nlp=made_pipeline(), linker_pipe="scispacy_linkr")

    def test_scispacy_itself_with_a_tiny_knowledge_base(self, tmp_path):
        pytest.importorskip("scispacy", reason="scispaCy has an environment of its own")
        import nmslib
        import numpy as np
        import spacy
        from scispacy.candidate_generation import CandidateGenerator
        from scispacy.linking import EntityLinker
        from scispacy.linking_utils import KnowledgeBase
        from sklearn.feature_extraction.text import TfidfVectorizer

        concepts = [
            {"concept_id": "C1", "canonical_name": "Gout", "aliases": ["gouty arthritis"], "types": ["T047"]},
            {"concept_id": "C2", "canonical_name": "Fever", "aliases": ["high temperature"], "types": ["T184"]},
            {"concept_id": "C3", "canonical_name": "Aspirin", "aliases": ["ASA"], "types": ["T109", "T121"]},
        ]
        file = tmp_path / "kb.jsonl"
        file.write_text("\n".join(json.dumps({"definition": None, **concept}) for concept in concepts))
        knowledge = KnowledgeBase(str(file))
        # As scispaCy's create_tfidf_ann_index does, which refuses to run on Python 3.11.
        names = list(knowledge.alias_to_cuis)
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), dtype=np.float32)
        index = nmslib.init(method="hnsw", space="cosinesimil_sparse", data_type=nmslib.DataType.SPARSE_VECTOR)
        index.addDataPointBatch(vectorizer.fit_transform(names))
        index.createIndex({"M": 10, "efConstruction": 50})
        generator = CandidateGenerator(index, vectorizer, names, knowledge)
        tiny = EntityLinker(candidate_generator=generator, resolve_abbreviations=False)
        spacy.Language.component("tiny_linker", func=tiny)
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "E", "pattern": w} for w in ("gout", "fever", "aspirin")])
        nlp.add_pipe("tiny_linker")
        linker = SciSpacyLinker(nlp=nlp, linker_pipe="tiny_linker")
        links = linker.link("took aspirin against gout and fever")
        assert [(link.cui, link.types) for link in links] == [
            ("C3", ("T109", "T121")),
            ("C1", ("T047",)),
            ("C2", ("T184",)),
        ]
        label = CategoryLabeller(linker=linker).label("What for?", ["fever"], "ConditionEvent (x) OR SymptomEvent (x)")
        assert label.source == "logical_form+umls"
        assert label.probs[2] > 0.6


class TestMedSpacy:
    def test_quickumls_itself_with_its_sample(self):
        pytest.importorskip("medspacy", reason="medspaCy has an environment of its own")
        try:
            linker = MedSpacyLinker()
        except InputError as error:
            pytest.skip(str(error))
        links = linker.link("History of dipalmitoyllecithin use")
        assert links
        assert all(0.8 <= link.score <= 1 and link.types for link in links)
        assert {(link.start, link.end) for link in links} == {(11, 30)}


class TestMissing:
    @pytest.mark.parametrize("name", ["scispacy", "medspacy"])
    def test_what_to_install_is_said(self, name):
        if installed(name):
            pytest.skip(f"{name} is installed here")
        with pytest.raises(InputError) as caught:
            find_linker(name)
        message = str(caught.value)
        assert f"the linker '{name}' needs packages that are not installed" in message
        assert f"pip install 'secondopinion[{name}]'" in message
        assert "numpy < 2" in message

    def test_a_missing_folder_of_quickumls(self, tmp_path):
        with pytest.raises(InputError, match="no folder .*gone'; give the folder that QuickUMLS was installed into"):
            MedSpacyLinker(tmp_path / "gone")
