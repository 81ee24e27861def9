"""The file of questions."""

import pytest

from secondopinion.core.errors import InputError
from secondopinion.scoring.questions.question_file import Question, read_questions

YAML = """
questions:
  - What hurts?
  - id: dose
    question: What is the dose of metformin?
    category: Medication
"""


def test_yaml_list_text_and_memory_give_the_same(tmp_path):
    wanted = [Question("q1", "What hurts?"), Question("dose", "What is the dose of metformin?", "Medication")]
    (tmp_path / "q.yaml").write_text(YAML)
    assert read_questions(tmp_path / "q.yaml", ["Medication"]) == wanted
    assert read_questions(wanted) == wanted
    (tmp_path / "q.txt").write_text("What hurts?\n\nWhere?\n")
    assert [question.question for question in read_questions(tmp_path / "q.txt")] == ["What hurts?", "Where?"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {question: A, id: x}\n- {question: B, id: x}", "the id 'x' stands twice"),
        ("- {question: A, categry: Medication}", "did you mean 'category'"),
        ("- {question: A, category: Medicaton}", "did you mean 'Medication'"),
        ("- {id: x}", "entry 1 has no question"),
        ("- 7", "entry 1 is 7; expected a question"),
        ("[]", "holds no question"),
        ("question: A?", "expected the key 'questions' alone"),
        ("questions: A?", "holds str; expected a list"),
        ("- [", "is not valid YAML"),
    ],
)
def test_wrong_files_are_refused(tmp_path, content, message):
    (tmp_path / "q.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        read_questions(tmp_path / "q.yaml", ["Medication", "Diagnosis"])


def test_a_missing_file():
    with pytest.raises(InputError, match="does not exist; give a YAML file"):
        read_questions("none.yaml")
