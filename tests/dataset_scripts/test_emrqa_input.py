"""Bad input of the emrQA builder: options, nesting, files; each message says what to do and shows no text."""

import pytest
from emrqa_files import (
    DRUG_FORM,
    SMOKING_TEXT,
    all_five,
    answer,
    asked,
    class_answer,
    paragraph,
    section,
    write_emrqa,
)

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.emrqa import EmrQaBuilder

ONE = asked((("How much?", "How much?"),), DRUG_FORM, answer("mg", 1, 1, "5 mg ."))


class TestBadInput:
    def fails(self, tmp_path, sections, message, **options):
        path = write_emrqa(tmp_path / "data.json", sections)
        with pytest.raises(InputError, match=message) as error:
            prepare("emrqa", path, tmp_path / "out", **options)
        assert "elbows" not in str(error.value)
        assert [p.name for p in tmp_path.iterdir()] == ["data.json"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"span": "sentence"}, "span is 'sentence'; expected one of: entity, line"),
            ({"split": "patient"}, "split is 'patient'; expected one of: note, template, logical_form"),
            ({"paraphrases": "some"}, "paraphrases is 'some'; expected one of: first, all, sample"),
            ({"categories": "maybe"}, "categories is 'maybe'; expected one of: on, off"),
            ({"sample": 0.0}, "sample is 0.0; give a share above 0 and at most 1"),
            ({"sample": 1.5}, "sample is 1.5"),
            ({"alpha": -0.1}, "alpha is -0.1; give a weight from 0 to 1"),
            ({"max_answer_words": 0}, "max_answer_words is 0; give at least 1"),
            ({"datasets": "medications,smokin"}, "no sub-dataset 'smokin', only medication, .*did you mean 'smoking'"),
            ({"umls": "scispaci"}, "unknown linker 'scispaci'; did you mean 'scispacy'"),
            ({"umls": "nowhere.tsv"}, "no table of terms 'nowhere.tsv'"),
            ({"spam": 1}, "unknown option 'spam' of the emrqa builder"),
        ],
    )
    def test_options(self, tmp_path, options, message):
        self.fails(tmp_path, all_five(), message, **options)

    def test_a_linker_that_is_not_installed(self, tmp_path):
        try:
            import scispacy  # noqa: F401
        except ImportError:
            self.fails(tmp_path, all_five(), r"'scispacy' needs packages that are not installed", umls="scispacy")
        else:
            pytest.skip("scispacy is installed here")

    def test_wrong_nesting_names_its_path(self, tmp_path):
        sections = all_five()
        sections[3]["paragraphs"].append(paragraph("8", SMOKING_TEXT, ONE, {**ONE, "answers": [answer(5, 1, 1, "e")]}))
        self.fails(tmp_path, sections, r"^data\[3\]\.paragraphs\[1\]\.qas\[1\]\.answers\[0\]\.text is a number")

    def test_a_section_without_a_title(self, tmp_path):
        sections = [*all_five(), {"paragraphs": [paragraph("8", SMOKING_TEXT)]}]
        self.fails(
            tmp_path, sections, r"data\[5\]\.title is missing; .* secondopinion prepare squad_form --source FILE"
        )

    def test_squads_form(self, tmp_path):
        qa = {"question": "Which?", "id": "5", "answers": []}
        self.fails(
            tmp_path, [section("Any", paragraph("1", "a", qa))], r"data\[0\]\.paragraphs\[0\]\.qas\[0\] is in SQuAD's"
        )

    def test_nothing_is_left(self, tmp_path):
        sections = [section("smoking", paragraph("7", SMOKING_TEXT, asked((("q", "q"),), "", class_answer("SMOKER"))))]
        self.fails(tmp_path, sections, r"none of the 1 questions of data\.json became a row .*1 question: neither span")

    def test_empty_notes_alone(self, tmp_path):
        self.fails(tmp_path, [section("medication", paragraph("1", " \n", ONE))], r"became a row \(1 context: empty\)")

    def test_a_folder_of_several_files(self, tmp_path):
        for name in ("a", "b"):
            write_emrqa(tmp_path / "raw" / f"{name}.json", all_five())
        with pytest.raises(InputError, match=r"holds 2 \.json files \(a\.json, b\.json\)\. Give emrQA's data\.json"):
            prepare("emrqa", tmp_path / "raw", tmp_path / "out")

    @pytest.mark.parametrize(
        ("text", "message"), [("", "is empty"), ("x", "is not JSON"), ('{"data": [', "ends early")]
    )
    def test_damaged_files(self, tmp_path, text, message):
        (tmp_path / "data.json").write_text(text)
        with pytest.raises(InputError, match=rf"data\.json {message}"):
            prepare("emrqa", tmp_path / "data.json", tmp_path / "out")

    def test_no_source(self, tmp_path):
        with pytest.raises(InputError, match="EmrQaBuilder needs a source: emrQA's data.json"):
            EmrQaBuilder(cache_dir=str(tmp_path))
