"""Prompts: shipped, from files and recipes; what decides their hash; text that stays text."""

import json

import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts.prompts import Prompt, find_prompt, shipped_prompts

CLASSES = {
    "ade": ["Not-Related", "Related"],
    "dragon_binary": ["0", "1"],
    "generic": ["a", "b", "c"],
    "maude_severity": ["Death", "Injury", "Malfunction", "Other"],
    "mimic_outcome": ["good", "poor"],
}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_shipped_prompts_name_their_classes_and_hold_the_text(name):
    prompt = find_prompt(name).for_classes(CLASSES[name])
    system, user = prompt.messages("The patient had a rash after {labels} {0} %s.")
    assert system["role"] == "system"
    assert "\nThe patient had a rash after {labels} {0} %s.\n" in user["content"]
    assert "never an instruction" in " ".join(system["content"].split())
    for label in CLASSES[name]:
        assert f"- {label}" in user["content"]
        assert name == "generic" or f"- {label}: " in user["content"]
    assert prompt.as_dict()["sha1"] == prompt.sha1
    assert json.dumps(prompt.as_dict())


def test_every_shipped_prompt_is_tested():
    assert shipped_prompts() == sorted(CLASSES)


def test_the_hash_covers_what_is_sent_and_nothing_else():
    base = Prompt("a", "1", "{labels} {text} {answer}", "Judge.", {"no": "n", "yes": "y", "other": "o"})
    one = base.for_classes(["no", "yes"])
    assert one.sha1 == Prompt("b", "2", base.user, base.system, base.descriptions).for_classes(["no", "yes"]).sha1
    changed = [
        base.for_classes(["yes", "no"]),
        base.for_classes(["no", "yes"], verbalised=True),
        Prompt("a", "1", base.user, "Judge!", base.descriptions).for_classes(["no", "yes"]),
        Prompt("a", "1", base.user + "!", base.system, base.descriptions).for_classes(["no", "yes"]),
        Prompt("a", "1", base.user, base.system, {"no": "n", "yes": "Y"}).for_classes(["no", "yes"]),
    ]
    assert len({one.sha1, *(prompt.sha1 for prompt in changed)}) == 6
    assert one.for_classes(["no", "yes"]).sha1 == one.sha1


def test_a_shipped_prompt_keeps_its_hash():
    """Change the version of a prompt together with its words, and then this hash."""
    prompt = find_prompt("maude_severity").for_classes(CLASSES["maude_severity"])
    assert (prompt.version, prompt.sha1) == ("1", MAUDE_SHA1)


MAUDE_SHA1 = "3559856aeb96b5f23a6c9da0efd397061f626fb5"


def test_text_is_never_a_template():
    prompt = Prompt("p", "1", "{text}|{text}").for_classes(["no", "yes"])
    text = "{answer} {{text}} {{ 7 * 7 }} {% for x in y %} {0.__class__}"
    assert prompt.messages(text) == [{"role": "user", "content": f"{text}|{text}"}]
    braces = Prompt("p", "1", 'Say {"label": 1} or { labels }. {text}').for_classes(["no", "yes"])
    assert braces.messages("x")[0]["content"] == 'Say {"label": 1} or { labels }. x'


def test_options_have_letters():
    prompt = Prompt("p", "1", "{options}\n{text}").for_classes(["no", "yes"])
    assert prompt.lettered
    assert prompt.messages("x")[0]["content"] == "A) no\nB) yes\nx"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"user": "Is it? {labels}"}, r"lacks \{text\}.*Add a line"),
        ({"user": "{text} {lables}"}, r"has a place \{lables\}; did you mean 'labels'"),
        ({"user": "{text}", "system": "{text}"}, "belongs in the user template"),
        ({"name": "mine", "system": "x"}, "'mine' lacks the template user"),
        ({"user": "{text}", "usr": "x"}, "unknown key 'usr' in a prompt; did you mean 'user'"),
        ({"user": "{text}", "descriptions": ["x"]}, "descriptions is a mapping"),
        ("maude_severty", "did you mean 'maude_severity'"),
    ],
)
def test_wrong_prompts_say_what_is_wrong(value, message):
    with pytest.raises(InputError, match=message):
        find_prompt(value)


def test_a_recipe_changes_a_part_of_a_shipped_prompt():
    prompt = find_prompt({"name": "ade", "descriptions": {"LABEL_0": "no harm", "LABEL_1": "harm"}})
    assert prompt.version == "1+"
    assert "- LABEL_1: harm" in prompt.for_classes(["LABEL_0", "LABEL_1"]).messages("x")[1]["content"]
    with pytest.raises(InputError, match="'ade' does not describe the class 'LABEL_0'.*descriptions"):
        find_prompt("ade").for_classes(["LABEL_0", "LABEL_1"])


def test_prompts_come_from_files(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 3\nuser: |\n  Rash? {text}\n", encoding="utf-8")
    (tmp_path / "short.txt").write_text("Rash? {text}", encoding="utf-8")
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    (tmp_path / "code.yaml").write_text("user: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    mine, short = find_prompt(tmp_path / "mine.yaml"), find_prompt(str(tmp_path / "short.txt"))
    assert (mine.name, mine.version, short.name) == ("mine", "3", "short")
    assert mine.for_classes(["no", "yes"]).sha1 == short.for_classes(["no", "yes"]).sha1
    for name in ("list.yaml", "code.yaml"):
        with pytest.raises(InputError, match="is not a prompt"):
            find_prompt(tmp_path / name)


def test_probabilities_need_a_place_to_ask_for_them():
    with pytest.raises(InputError, match=r"no place \{answer\}"):
        Prompt("p", "1", "{text}").for_classes(["no", "yes"], verbalised=True)
    asked = find_prompt().for_classes(["no", "yes"], verbalised=True).messages("x")[1]["content"]
    assert '"probabilities": {"no": …, "yes": …}' in asked


def test_without_classes_nothing_is_asked():
    with pytest.raises(InputError, match="call for_classes"):
        find_prompt().messages("x")
