"""Soft labels over the five categories: which source speaks, by which formula, and how far the sources agree."""

import ast
from pathlib import Path

import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.emrqa.categories import CATEGORIES, CategoryLabeller
from secondopinion.dataset_scripts.emrqa.linkers import TableLinker
from secondopinion.dataset_scripts.emrqa.logical_forms import ABSENT, BRACKETS, OUTSIDE
from secondopinion.dataset_scripts.emrqa.soft_labels import normalised, soft_target
from secondopinion.dataset_scripts.emrqa.umls import Link

EITHER = "MedicationEvent (|m|) given {ConditionEvent (x) OR SymptomEvent (x)}"
DIAGNOSIS, MEDICATION, SYMPTOMS, PROCEDURE, LAB = (tuple(float(i == k) for i in range(5)) for k in range(5))


class OneScore:
    """Finds one concept in every text."""

    def __init__(self, types, score):
        self.types, self.score, self.asked = types, score, 0

    def link(self, text):
        self.asked += 1
        return [Link("C1", self.types, self.score, 0, len(text))]


def table(**terms):
    return TableLinker({term.replace("_", " "): types for term, types in terms.items()})


def test_the_order_of_the_categories_is_the_models():
    # Read, not imported: the model needs torch, which takes seconds to load.
    source = Path(__file__).parents[2] / "modeling" / "configuration_multitask_qa.py"
    values = [node.value for node in ast.parse(source.read_text()).body if _assigns(node, "CATEGORIES")]
    assert [tuple(ast.literal_eval(value)) for value in values] == [CATEGORIES]
    assert CATEGORIES == ("Diagnosis", "Medication", "Symptoms", "Procedure", "Lab Reports")


def _assigns(node, name):
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


class TestFormula:
    @pytest.mark.parametrize("alpha", [0.0, 0.3, 0.7, 1.0])
    def test_weights_are_as_stated(self, alpha):
        prior, evidence = (0.5, 0, 0.5, 0, 0), (0, 0, 1.6, 0.2, 0)
        raw = [alpha * p + (1 - alpha) * e for p, e in zip(prior, evidence, strict=True)]
        assert soft_target(prior, evidence, alpha) == pytest.approx([value / sum(raw) for value in raw])

    def test_one_alone_stands_alone(self):
        assert soft_target((0.5, 0, 0.5, 0, 0), None, 0.7) == (0.5, 0, 0.5, 0, 0)
        assert soft_target((0, 0, 0, 0, 0), (0, 0, 0.2, 0, 0.6), 0.7) == pytest.approx((0, 0, 0.25, 0, 0.75))
        assert soft_target(None, (0, 0, 0, 0, 0), 0.7) == (0.0,) * 5

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ((1, 0), "2 weights came; one for each of Diagnosis, Medication"),
            ((-0.1, 0, 0, 0, 1), "negative or no finite number"),
            ((float("nan"), 0, 0, 0, 1), "negative or no finite number"),
            ((float("inf"), 0, 0, 0, 1), "negative or no finite number"),
        ],
    )
    def test_what_is_no_weight_is_refused(self, weights, message):
        with pytest.raises(ValueError, match=message):
            normalised(weights)
        with pytest.raises(ValueError, match=message):
            soft_target(None, weights, 0.5)


class TestSources:
    def test_logical_form_comes_first(self):
        label = CategoryLabeller().label("Why lisinopril?", ["lisinopril 5 mg"], "ConditionEvent (x)")
        assert (label.probs, label.source, label.reason) == (DIAGNOSIS, "logical_form", None)

    def test_the_answer_decides_between_what_the_form_leaves_open(self):
        labeller = CategoryLabeller(alpha=0.7, linker=table(chest_pain="T184", gout="T047"))
        pain, gout, neither = (labeller.label("Why?", [a], EITHER) for a in ("chest pain", "gout", "a rest"))
        assert pain.probs == pytest.approx((0.35, 0, 0.65, 0, 0))
        assert gout.probs == pytest.approx((0.65, 0, 0.35, 0, 0))
        assert neither.probs == (0.5, 0, 0.5, 0, 0)
        assert [label.source for label in (pain, gout, neither)] == ["logical_form+umls"] * 2 + ["logical_form"]

    def test_scores_count(self):
        sure = CategoryLabeller(linker=OneScore(("T184",), 1.0)).label("Why?", ["a"], "ConditionEvent (x)")
        unsure = CategoryLabeller(linker=OneScore(("T184",), 0.4)).label("Why?", ["a"], "ConditionEvent (x)")
        assert sure.probs == pytest.approx((0.7, 0, 0.3, 0, 0))
        assert unsure.probs == pytest.approx((0.7 / 0.82, 0, 0.12 / 0.82, 0, 0))

    def test_several_answers_add_up(self):
        labeller = CategoryLabeller(linker=table(gout="T047", fever="T184"))
        assert labeller.label("What?", ["gout", "fever", "fever"], None).probs == pytest.approx((1 / 3, 0, 2 / 3, 0, 0))

    @pytest.mark.parametrize(("alpha", "source", "probs"), [(1.0, "logical_form", DIAGNOSIS), (0.0, "umls", SYMPTOMS)])
    def test_a_source_without_weight_is_not_named(self, alpha, source, probs):
        label = CategoryLabeller(alpha, table(fever="T184")).label("Why?", ["fever"], "ConditionEvent (x)")
        assert (label.source, label.probs) == (source, probs)

    def test_links_stand_alone_without_a_form(self):
        labeller = CategoryLabeller(linker=table(lisinopril="T121"))
        label = labeller.label("What?", ["lisinopril"], None)
        assert (label.probs, label.source, label.reason) == (MEDICATION, "umls", ABSENT)

    def test_the_lexicon_speaks_where_both_are_silent(self):
        labeller = CategoryLabeller(linker=table(lisinopril="T121"))
        label = labeller.label("What was done?", ["appendectomy"], "{ConditionEvent (x)")
        assert (label.probs, label.source, label.reason) == (PROCEDURE, "lexicon", BRACKETS)

    def test_a_form_outside_the_five_is_not_overruled(self):
        labeller = CategoryLabeller(linker=table(diabetes="T047"))
        label = labeller.label("Is there diabetes in the family?", ["diabetes"], "FamilyHistoryEvent (x)")
        assert (label.probs, label.source, label.reason) == ((0.0,) * 5, "", OUTSIDE)
        assert not label.labelled

    def test_nothing_known_is_no_class(self):
        label = CategoryLabeller(lexicon=False).label("What was done?", ["appendectomy"], "")
        assert (label.probs, label.source, label.labelled) == ((0.0,) * 5, "", False)

    def test_an_unanswerable_question_has_the_category_of_its_form(self):
        assert CategoryLabeller().label("How much?", [], "MedicationEvent (|m|) [dosage=x]").probs == MEDICATION

    def test_one_text_is_one_answer(self):
        labeller = CategoryLabeller(linker=table(fever="T184"))
        assert labeller.label("What?", "fever", None) == labeller.label("What?", ["fever"], None)

    def test_the_same_text_is_linked_once(self):
        linker = OneScore(("T047",), 1.0)
        labeller = CategoryLabeller(linker=linker)
        for _ in range(3):
            labeller.label("What?", ["gout", " "], EITHER)
        assert linker.asked == 1


class TestFacts:
    def test_counts(self):
        labeller = CategoryLabeller(linker=table(gout="T047"))
        labeller.label("Why?", ["gout"], EITHER)
        labeller.label("Why?", [], EITHER)
        labeller.label("Who?", ["mother"], "FamilyHistoryEvent (x)")
        labeller.label("What?", ["lisinopril"], "(")
        facts = labeller.facts()
        assert facts["rows"] == 4
        assert facts["by_source"] == {"lexicon": 1, "logical_form": 1, "logical_form+umls": 1, "unlabelled": 1}
        assert facts["by_category"] == {"Diagnosis": 1, "Diagnosis or Symptoms": 1, "Medication": 1}
        assert sum(facts["mass"].values()) == pytest.approx(3)
        assert facts["logical_form_reasons"] == {BRACKETS: 1, OUTSIDE: 1}
        assert (facts["alpha"], facts["linker"], facts["lexicon"]) == (0.7, "TableLinker", True)

    def test_agreement_by_hand(self):
        # Of four rows with one category each: form D, D, M, M; links D, M, M, M. p_o 3/4, p_e 1/2·1/4 + 1/2·3/4 = 1/2.
        labeller = CategoryLabeller(linker=table(gout="T047", aspirin="T121"), lexicon=False)
        for form, answer in (("Condition", "gout"), ("Condition", "aspirin"), *[("Medication", "aspirin")] * 2):
            labeller.label("What?", [answer], f"{form}Event (x)")
        labeller.label("What?", ["gout"], EITHER)
        labeller.label("What?", ["aspirin"], EITHER)
        labeller.label("What?", [], "ConditionEvent (x)")
        agreement = labeller.agreement()
        pair = agreement["pairs"][0]
        assert agreement["categories"] == list(CATEGORIES)
        assert pair["sources"] == ["logical_form", "umls"]
        assert (pair["rows"], pair["tied"], pair["tied_overlap"]) == (6, 2, 0.5)
        assert [row[:2] for row in pair["table"][:2]] == [[1, 1], [0, 2]]
        assert (pair["agreement"], pair["kappa"], pair["reason"]) == (0.75, pytest.approx(0.5), None)

    def test_without_two_sources_there_is_no_figure(self):
        labeller = CategoryLabeller(lexicon=False)
        labeller.label("What?", ["gout"], "ConditionEvent (x)")
        for pair in labeller.agreement()["pairs"]:
            assert (pair["rows"], pair["agreement"], pair["kappa"]) == (0, None, None)
            assert pair["reason"] == "no row has one category of each"

    def test_always_the_same_category_has_no_kappa(self):
        labeller = CategoryLabeller(linker=table(gout="T047"), lexicon=False)
        for _ in range(3):
            labeller.label("What?", ["gout"], "ConditionEvent (x)")
        pair = labeller.agreement()["pairs"][0]
        assert (pair["agreement"], pair["kappa"]) == (1.0, None)
        assert "by chance" in pair["reason"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 1.5}, "alpha is 1.5; give the weight of the logical form, a number from 0 to 1"),
        ({"alpha": "0.7"}, "alpha is '0.7'"),
        ({"alpha": True}, "alpha is True"),
        ({"lexicon": "yes"}, "lexicon is 'yes'; give true or false"),
        ({"linker": 3}, "linker is a int without a method link"),
        ({"linker": "sispacy"}, "unknown linker 'sispacy'; did you mean 'scispacy'"),
        ({"linker": "missing.tsv"}, "no table of terms 'missing.tsv'"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        CategoryLabeller(**options)
