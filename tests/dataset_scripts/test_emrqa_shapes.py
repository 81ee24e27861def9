"""emrQA's JSON → notes, questions, answers: each irregular shape, and wrong nesting by its path."""

import copy

import pytest
from emrqa_files import DRUG_FORM, answer, asked, class_answer, complex_answer

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.emrqa.shapes import (
    COMPLEX,
    EMPTY,
    SINGLE,
    UNPAIRED,
    Part,
    read_paragraph,
    read_question,
)

PATH = "data[0].paragraphs[3].qas[1]"
PAIRS = (("How much zorbitol?", "How much |medication|?"), ("zorbitol dose", "|medication| dose"))
SECRET = "a fictional secret"


def question(*answers, pairs=PAIRS, **fields):
    return read_question({**asked(pairs, DRUG_FORM, *answers), **fields}, PATH)


def parts(value):
    (read,) = question(value).answers
    return read.kind, read.parts, read.problem


class TestIdentity:
    def test_pairs_and_logical_form(self):
        read = question()
        assert (read.paraphrases, read.logical_form, read.path) == (PAIRS, DRUG_FORM, PATH)

    def test_the_relations_branch_has_them_the_other_way_round(self):
        assert read_question(asked(PAIRS, DRUG_FORM, reverse=True), PATH) == question()

    def test_one_flat_pair_and_a_question_that_is_no_list(self):
        read = question(question=PAIRS[0][0], id=[list(PAIRS[0]), DRUG_FORM])
        assert read.paraphrases == PAIRS[:1]

    def test_a_pair_may_have_its_template_first(self):
        turned = tuple(pair[::-1] for pair in PAIRS)
        read = question(question=[first for first, _ in PAIRS], id=[[list(pair) for pair in turned], DRUG_FORM])
        assert read.paraphrases == PAIRS

    def test_each_question_once_and_questions_without_a_pair_have_no_template(self):
        read = question(question=["further", PAIRS[0][0], PAIRS[0][0], " "], id=[[list(PAIRS[0])] * 2, DRUG_FORM])
        assert read.paraphrases == (PAIRS[0], ("further", ""))

    def test_white_space_in_questions_templates_and_forms_is_one_blank(self):
        read = question(question=[" How\tmuch \n?"], id=[[[" How\tmuch \n?", "How  much"]], f" {DRUG_FORM} \n"])
        assert (read.paraphrases, read.logical_form) == ((("How much ?", "How much"),), DRUG_FORM)


class TestAnswers:
    def test_single(self):
        assert parts(answer("81 mg", 2, 1, "Line .\n")) == (SINGLE, (Part("81 mg", 2, 1, "Line .\n", 2),), None)

    def test_empty(self):
        assert parts(answer("", 2, "", "Line .", "empty")) == (EMPTY, (Part("", 2, None, "Line .", 2),), None)

    def test_a_class_has_no_place_and_no_type(self):
        assert parts(class_answer("CURRENT SMOKER")) == (SINGLE, (Part("CURRENT SMOKER"),), None)

    def test_numbers_that_are_text_and_a_line_without_a_token(self):
        assert parts(answer("a", "2", "1", "e"))[1] == (Part("a", 2, 1, "e", 2),)
        assert parts(answer("a", 2, 1, "e", answer_start=[4]))[1] == (Part("a", 4, None, "e", 2),)
        assert parts(answer("a", 2, 1, "e", answer_start=""))[1] == (Part("a", 2, None, "e", 2),)
        assert parts(answer("a", 2, 1, "e", evidence_start=None))[1] == (Part("a", 2, 1, "e", 2),)

    def test_lists_of_one(self):
        assert parts(answer("a", 2, 1, ["e"], evidence_start=[2]))[1] == (Part("a", 2, 1, "e", 2),)

    @pytest.mark.parametrize("starts", [[[2, 1], [5, 3]], [[2, 5], [1, 3]]])
    def test_complex_with_pairs_or_with_lists_of_lines_and_tokens(self, starts):
        value = complex_answer([("zorbitol", 2, 1, "e"), ("81 mg", 5, 3, "f")], answer_start=starts)
        assert parts(value) == (COMPLEX, (Part("zorbitol", 2, 1, "e", 2), Part("81 mg", 5, 3, "f", 5)), None)

    def test_complex_with_three_parts_in_lists_of_lines_and_tokens(self):
        value = complex_answer([("a", 1, 4, "e"), ("b", 2, 5, "f"), ("c", 3, 6, "g")])
        turned = complex_answer(
            [("a", 1, 4, "e"), ("b", 2, 5, "f"), ("c", 3, 6, "g")], answer_start=[[1, 2, 3], [4, 5, 6]]
        )
        assert parts(turned) == parts(value)

    def test_complex_in_one_line(self):
        value = complex_answer(
            [("a", 1, 4, "e"), ("b", 1, 5, "e")], evidence="e", evidence_start=1, answer_start=[1, 4]
        )
        assert parts(value)[1] == (Part("a", 1, 4, "e", 1), Part("b", 1, 4, "e", 1))

    def test_empty_parts_of_a_complex_answer(self):
        assert parts(complex_answer([("", 1, 4, "e"), ("b", 1, 5, "e")]))[1] == (Part("b", 1, 5, "e", 1),)
        assert parts(complex_answer([("", 1, 4, "e")])) == (EMPTY, (Part(""),), None)

    @pytest.mark.parametrize("name", ["evidence", "evidence_start", "answer_start"])
    def test_parts_that_do_not_pair_up(self, name):
        value = complex_answer([("a", 1, 4, "e"), ("b", 2, 5, "f")])
        value[name] = value[name][:1]
        assert parts(value) == (COMPLEX, (), UNPAIRED)

    def test_the_source_is_left_as_it_was(self):
        value = asked(PAIRS, DRUG_FORM, complex_answer([("a", 1, 4, "e")]), reverse=True)
        before = copy.deepcopy(value)
        read_question(value, PATH)
        assert value == before


class TestParagraphs:
    def test_a_note(self):
        read = read_paragraph({"note_id": " 7 ", "context": ["a\n", "b"], "qas": ["x", "y"]}, "data[0].paragraphs[3]")
        assert (read.note_id, read.context) == ("7", ["a\n", "b"])
        assert list(read) == [(0, "x", "data[0].paragraphs[3].qas[0]"), (1, "y", PATH)]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"note_id": None}, r"paragraphs\[3\]\.note_id is null, expected text or a number"),
            ({"note_id": True}, r"paragraphs\[3\]\.note_id is true or false"),
            ({"context": 5}, r"paragraphs\[3\]\.context is a number, expected text or a list of lines"),
            (
                {"context": ["a", {}]},
                r"paragraphs\[3\]\.context\[1\] is an object, expected text: one line of the note",
            ),
            ({"qas": {}}, r"paragraphs\[3\]\.qas is an object, expected a list"),
        ],
    )
    def test_wrong_nesting(self, change, message):
        with pytest.raises(InputError, match=message):
            read_paragraph({"note_id": "7", "context": "a", "qas": [], **change}, "data[0].paragraphs[3]")

    def test_no_object(self):
        with pytest.raises(InputError, match=r"data\[0\]\.paragraphs\[3\] is text, expected an object"):
            read_paragraph(SECRET, "data[0].paragraphs[3]")


class TestWrongNesting:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"question": None}, r"qas\[1\]\.question is null, expected text or a list of texts"),
            ({"question": [1]}, r"qas\[1\]\.question is a list, expected text or a list of texts"),
            ({"id": [[], "a", "b"]}, r"qas\[1\]\.id is a list, expected a list of two"),
            ({"id": [1, 2]}, r"qas\[1\]\.id: expected a list of \[question, template\] pairs and the logical form"),
            ({"id": [[["a", "b"], ["a"]], DRUG_FORM]}, r"qas\[1\]\.id\[0\]\[1\] is a list, expected a pair"),
            ({"answers": {}}, r"qas\[1\]\.answers is an object, expected a list"),
            ({"answers": [SECRET]}, r"qas\[1\]\.answers\[0\] is text, expected an object"),
        ],
    )
    def test_of_a_question(self, change, message):
        with pytest.raises(InputError, match=rf"^data\[0\]\.paragraphs\[3\]\.{message}"):
            question(**change)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (answer(4, 2, 1, "e"), r"text is a number, expected text or a list of texts"),
            (answer("a", 2, 1, 7), r"evidence is a number, expected text"),
            (answer("a", 2, 1, ["e", "f"]), r"evidence is a list, expected text: its text is one"),
            (
                answer("a", 2, 1, "e", evidence_start={}),
                r"evidence_start is an object, expected a whole number, or \"\"",
            ),
            (answer("a", 2, 1, "e", evidence_start=SECRET), r"evidence_start is text, expected a whole number"),
            (answer("a", 2, True, "e"), r"answer_start\[1\] is true or false, expected a whole number"),
            (answer("a", 2.5, 1, "e"), r"answer_start\[0\] is a number, expected a whole number"),
            (
                answer("a", 2, 1, "e", answer_start=[[2, 1], [3, 1]]),
                r"answer_start is a list of 2, expected \[line, tok",
            ),
            (answer("a", 2, 1, "e", answer_start=[1, 2, 3]), r"answer_start is a list of 3, expected \[line, token\]"),
            (complex_answer([("a", 1, 2, "e")], answer_start=[[1, 2], 3]), r"answer_start mixes lists with numbers"),
            (complex_answer([("a", 1, "x", "e")]), r"answer_start\[0\] is text, expected a whole number"),
            (complex_answer([("a", 1, 2, 3)]), r"evidence is a list, expected a list of texts: its text is a list"),
        ],
    )
    def test_of_an_answer(self, value, message):
        with pytest.raises(
            InputError, match=rf"^data\[0\]\.paragraphs\[3\]\.qas\[1\]\.answers\[0\]\.{message}"
        ) as error:
            question(value)
        assert SECRET not in str(error.value)

    def test_squads_form_is_told_which_corpus_reads_it(self):
        value = {"question": "Which?", "id": "5", "answers": []}
        with pytest.raises(InputError, match=r"qas\[1\] is in SQuAD's form .*use: secondopinion prepare squad_form"):
            read_question(value, PATH)
