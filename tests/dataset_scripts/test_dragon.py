"""Tasks of DRAGON to a folder: every kind of label, one fold and several, the public examples, what is refused."""

import json
from collections import Counter
from pathlib import Path

import datasets
import pytest
import yaml
from dragon_files import BINARIES, BINARY, CLASSES, FACTORS, LABELS, NUMBER, NUMBERS, SECRET, get, put, write_fold
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.training.data import load_data
from secondopinion.training.recipe import DatasetSpec

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "dragon"


def rows_of(folder):
    return datasets.load_dataset(str(folder), split="train")


@pytest.mark.parametrize(
    ("kind", "names", "feature", "figure"),
    [
        (BINARY, ["false", "true"], datasets.ClassLabel(names=["false", "true"]), "auc"),
        (CLASSES, ["2", "9", "10"], datasets.ClassLabel(names=["2", "9", "10"]), "unweighted_kappa"),
        (BINARIES, ["label_1", "label_2", "label_3"], datasets.List(datasets.Value("int64")), "auc"),
        (FACTORS, ["label_1", "label_2"], datasets.List(datasets.Value("string")), "unweighted_kappa"),
        (NUMBER, ["value"], datasets.Value("float64"), "r_smape_score"),
        (NUMBERS, ["label_1", "label_2"], datasets.List(datasets.Value("float64")), "r_smape_score"),
    ],
)
def test_every_kind_of_label_is_read_and_can_be_trained(kind, names, feature, figure, tmp_path):
    fold = write_fold(tmp_path / "mine-fold0", kind)
    facts = prepare("dragon", fold, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert rows.features["label"] == feature
    given = {case["uid"]: case[f"{kind}_target"] for split in ("training", "validation") for case in get(fold, split)}
    told = {row["id"]: row["label"] for row in rows}
    if kind in (BINARY, CLASSES):
        told = {name: names[label] for name, label in told.items()}
        given = {name: str(label).lower() for name, label in given.items()}
    assert told == given
    assert facts["label"]["names"] == facts["label_names"] == names
    assert facts["metric"]["figure"] == figure
    assert set(rows[0]["meta"].values()) == {"Task900_mine", kind, "left"}
    assert Counter(rows["fold"]) == {0: 8, 1: 4}
    assert rows["group"][:] == rows["id"][:]
    unlabelled = datasets.load_dataset(str(tmp_path / "out"), "test", split="test")
    assert unlabelled.column_names == ["id", "text", "meta"]
    assert unlabelled["id"][:] == [f"c{number}" for number in range(100, 104)]
    data = load_data(DatasetSpec(path=str(tmp_path / "out")), tmp_path / "cache")
    assert len(data.labels) == 12
    if kind == FACTORS:
        assert facts["label"]["factors"] == [["mild", "moderate", "severe"], ["high", "low"]]
        assert data.label_names[:4] == ["label_1: mild", "label_1: moderate", "label_1: severe", "label_2: high"]
        assert facts["class_counts"]["label_2: low"] == 8
    if kind == NUMBERS:
        assert facts["label"]["not_known"] == [0, 4]
        assert facts["label"]["ranges"][1] == {"min": 3.0, "mean": 3.5, "max": 4.0}


def test_folds_of_one_task_become_a_column(tmp_path):
    for number in (2, 0, 1):
        write_fold(tmp_path / "in" / f"mine-fold{number}", CLASSES, fold=number)
    facts = prepare("dragon", tmp_path / "in", tmp_path / "all")
    rows = rows_of(tmp_path / "all")
    for number in range(3):
        held_out = {case["uid"] for case in get(tmp_path / "in" / f"mine-fold{number}", "validation")}
        assert {row["id"] for row in rows if row["fold"] == number + 1} == held_out
    assert facts["folds"] == {"1": "mine-fold0", "2": "mine-fold1", "3": "mine-fold2"}
    some = [str(tmp_path / "in" / f"mine-fold{number}") for number in (2, 0)]
    two = prepare("dragon", some, tmp_path / "two")
    assert (two["folds"], two["never_held_out"]) == ({"1": "mine-fold0", "2": "mine-fold2"}, 4)
    assert Counter(rows_of(tmp_path / "two")["fold"]) == {0: 4, 1: 4, 2: 4}
    sources = [word for source in some for word in ("--source", source)]
    command = ["prepare", "dragon", *sources, "--output", str(tmp_path / "typed")]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 0, answer.output
    assert json.loads((tmp_path / "typed" / "prepare.json").read_text())["fingerprint"] == two["fingerprint"]
    assert facts["fingerprint"] != two["fingerprint"]


def test_options_name_labels_group_near_copies_and_state_terms(tmp_path):
    fold = write_fold(tmp_path / "mine-fold0", CLASSES)
    cases = get(fold, "validation")
    cases[0]["text"] = get(fold, "training")[0]["text"].replace("Case", "CASE") + "!"
    put(fold, "validation", cases)
    facts = prepare("dragon", fold, tmp_path / "plain")
    assert (facts["terms"], facts["synthetic"], facts["language"]) == ("private", False, "en")
    assert facts["policy"]["publish_models"] is facts["policy"]["text_may_leave_machine"] is False
    options = {"label_names": "9,10,2,1", "ordinal": True, "near_duplicates": 0.9, "terms": "unknown", "licence": "mit"}
    facts = prepare("dragon", fold, tmp_path / "named", **options)
    rows = rows_of(tmp_path / "named")
    assert rows.features["label"].names == ["9", "10", "2", "1"]
    assert facts["class_counts"]["1"] == 0
    assert (facts["metric"]["figure"], facts["metric"]["by_the_benchmark"]) == ("linear_kappa", False)
    assert (facts["groups"], facts["duplicates"]["groups_across_folds"]) == (11, 1)
    assert len({row["group"] for row in rows if row["id"] in (cases[0]["uid"], get(fold, "training")[0]["uid"])}) == 1
    assert (facts["policy"]["licence"], facts["policy"]["publish_models"]) == ("mit", True)
    card = (tmp_path / "named" / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "mit"
    assert [config["config_name"] for config in front["configs"]] == ["default", "test"]
    assert "linear weights" in card
    assert "near copies" in card
    assert SECRET not in card
    assert "/" not in str(facts["options"])
    assert prepare("dragon", fold, tmp_path / "named", **options)["seconds"] == facts["seconds"]
    with pytest.raises(InputError, match=r"prepared with other options \(ordinal: True there, None now\)"):
        prepare("dragon", fold, tmp_path / "named", **{**options, "ordinal": None})


def test_parts_of_a_text_are_joined(tmp_path):
    fold = write_fold(tmp_path / "mine-fold0", input_name="text_parts")
    for split in ("training", "validation", "test"):
        put(fold, split, [{**case, "text_parts": ["One.", case.pop("text")]} for case in get(fold, split)])
    prepare("dragon", fold, tmp_path / "out")
    row = rows_of(tmp_path / "out")[0]
    assert row["text"] == "One.\n" + get(fold, "training")[0]["text_parts"][1]


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/dragon is not on this machine")
def test_the_public_examples(tmp_path):
    facts = prepare("dragon", SHARED, tmp_path / "out", task="Task102")
    assert facts["class_counts"] == {"0": 346, "1": 245, "2": 86, "3": 19, "4": 4}
    assert (facts["rows"], facts["test_rows"], facts["never_held_out"]) == (700, 300, 0)
    assert facts["metric"] == {"figure": "linear_kappa", "by_the_benchmark": True, "average": "pooled"}
    assert facts["policy"]["licence"] == "apache-2.0"
    assert facts["synthetic"] is facts["policy"]["publish_text"] is True
    assert Counter(rows_of(tmp_path / "out")["fold"]) == dict.fromkeys(range(1, 6), 140)
    with pytest.raises(InputError, match=r"10 folders of 2 tasks .*choose one, as in -o task=Task101_Example"):
        prepare("dragon", SHARED, tmp_path / "both")
    with pytest.raises(InputError, match="no folder begins with 'Task103'; "):
        prepare("dragon", SHARED, tmp_path / "none", task="Task103")


def edited(split, change):
    def break_it(fold):
        cases = get(fold, split)
        found = change(cases)
        put(fold, split, cases if found is None else found)

    return break_it


def configured(**settings):
    def break_it(fold):
        path = fold / "nlp-task-configuration.json"
        path.write_text(json.dumps({k: v for k, v in {**json.loads(path.read_text()), **settings}.items() if v}))

    return break_it


TARGET = f"{BINARY}_target"
DAMAGES = {
    "configuration names a label that no case has": (
        configured(label_name=f"{NUMBER}_target"),
        f"names the label '{NUMBER}_target', which no case of nlp-training-dataset.json has; they have {TARGET}",
    ),
    "a case without its label": (
        edited("validation", lambda cases: cases[2].pop(TARGET) and None),
        rf"mine-fold0/nlp-validation-dataset.json\[2\] has no '{TARGET}'; label the case",
    ),
    "a label that is null": (edited("training", lambda c: c[1].update({TARGET: None})), r"\[1\].*_target is null"),
    "a label of another kind": (
        edited("training", lambda c: c[1].update({TARGET: SECRET})),
        r"nlp-training-dataset.json\[1\].*_target is text, expected true or false",
    ),
    "a file is missing": (
        lambda fold: (fold / "nlp-test-dataset.json").unlink(),
        "lacks nlp-test-dataset.json; a fold's folder holds",
    ),
    "the configuration is missing": (
        lambda fold: (fold / "nlp-task-configuration.json").unlink(),
        "mine-fold0 lacks nlp-task-configuration.json",
    ),
    "not JSON": (
        lambda fold: (fold / "nlp-training-dataset.json").write_text('[{"uid": "c0", '),
        "nlp-training-dataset.json is not valid JSON",
    ),
    "nested wrongly": (edited("training", lambda c: {"rows": c}), 'holds an object without "cases"; expected a list'),
    "a case is no object": (edited("training", lambda c: [c[0], [c[1]]]), r"\[1\] is a list of 1, expected an object"),
    "a text is missing": (edited("test", lambda c: c[3].pop("text") and None), r"test-dataset.json\[3\] has no 'text'"),
    "a text is a number": (edited("training", lambda c: c[0].update(text=5)), r"\[0\].text is a number, expected text"),
    "a text is empty": (edited("training", lambda c: c[0].update(text=" \n")), r"\[0\].text is empty; leave"),
    "parts are no list": (configured(input_name="text_parts"), r"\[0\] has no 'text_parts'; it has"),
    "a uid is missing": (edited("training", lambda c: c[0].pop("uid") and None), r"\[0\] has no uid"),
    "a uid repeats": (edited("training", lambda c: c[3].update(uid=c[0]["uid"])), r"\[3\] has the uid .* of .*\[0\]"),
    "splits overlap": (
        edited("test", lambda c: c[0].update(uid="c5")),
        "1 cases are in training and in test .first: 'c5'",
    ),
    "nothing to validate": (edited("validation", lambda c: []), "no case; validation needs some"),
    "one class": (
        edited("training", lambda cases: [case.update({TARGET: True}) for case in cases] and None),
        "every training case is true; there is nothing to learn",
    ),
    "entities": (
        configured(label_name="named_entity_recognition_target"),
        "the task marks entities in a text, and only classification and regression are read here",
    ),
    "an unknown kind": (
        configured(label_name="single_label_binary_clasification_target"),
        f"did you mean '{TARGET}'",
    ),
    "an unknown input": (configured(input_name="report"), "input_name is 'report', expected one of text, text_parts"),
    "a field is missing": (configured(task_name=None), "task_name is missing, expected text"),
    "a side is neither": (configured(recommended_truncation_side="middle"), "truncation_side is 'middle'"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_told_with_its_place_and_without_the_text(name, tmp_path):
    fold = write_fold(tmp_path / "mine-fold0")
    damage, message = DAMAGES[name]
    damage(fold)
    with pytest.raises(InputError, match=message) as caught:
        prepare("dragon", fold, tmp_path / "out")
    assert SECRET not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_labels_that_training_does_not_know_are_refused(tmp_path):
    fold = write_fold(tmp_path / "mine-fold0", CLASSES)
    edited("validation", lambda cases: cases[1].update({f"{CLASSES}_target": "7"}))(fold)
    message = r"validation-dataset.json\[1\], uid 'c1' \(held out in fold 1\): the class '7' is not among"
    with pytest.raises(InputError, match=message):
        prepare("dragon", fold, tmp_path / "out")
    fold = write_fold(tmp_path / "other-fold0", FACTORS)
    edited("validation", lambda cases: cases[0].update({f"{FACTORS}_target": ["mild", "never"]}))(fold)
    with pytest.raises(InputError, match=r"\[1\]: the class 'never' is not among those of factor 'label_2'"):
        prepare("dragon", fold, tmp_path / "out")
    edited("validation", lambda cases: cases[0].update({f"{FACTORS}_target": ["mild"]}))(fold)
    with pytest.raises(InputError, match="holds 1 labels, the first training case has 2"):
        prepare("dragon", fold, tmp_path / "out")


def test_folds_that_do_not_belong_together_are_refused(tmp_path):
    def given(*folds, **options):
        return prepare("dragon", [tmp_path / name for name in folds], tmp_path / "out", **options)

    for number in (0, 1):
        write_fold(tmp_path / f"mine-fold{number}", fold=number)
    write_fold(tmp_path / "mine-fold2", fold=1)
    with pytest.raises(InputError, match="'c4' is in validation of mine-fold1 and of mine-fold2"):
        given("mine-fold0", "mine-fold1", "mine-fold2")
    with pytest.raises(InputError, match="mine-fold0 is given twice"):
        given("mine-fold0", "mine-fold0")
    edited("training", lambda cases: cases[0].update(text=f"Other words. {SECRET}"))(tmp_path / "mine-fold1")
    with pytest.raises(InputError, match="the case 'c0' has different texts in mine-fold0 and mine-fold1") as caught:
        given("mine-fold0", "mine-fold1")
    assert SECRET not in str(caught.value)
    edited("training", lambda cases: cases[1:])(tmp_path / "mine-fold1")
    with pytest.raises(InputError, match="hold different cases in training and validation: 1 are in one alone"):
        given("mine-fold0", "mine-fold1")
    write_fold(tmp_path / "mine-fold3", CLASSES, fold=1)
    with pytest.raises(InputError, match="mine-fold3 and mine-fold0 differ in kind; give folds of one task"):
        given("mine-fold0", "mine-fold3")
    with pytest.raises(InputError, match=r"nowhere does not exist; give the folder of a fold"):
        given("nowhere")
    with pytest.raises(InputError, match=r"is a file; .*use: secondopinion prepare json_cases"):
        given("mine-fold0/nlp-test-dataset.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither nlp-task-configuration.json nor folders that hold it"):
        given("empty")
    with pytest.raises(InputError, match="json_cases takes one source, 2 were given"):
        prepare("json_cases", ["a", "b"], tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": "open"}, "terms is 'open'; expected one of: auto, public, unknown, private"),
        ({"near_duplicates": 0}, "near_duplicates is 0; give a share above 0"),
        ({"licence": " "}, "licence is empty"),
        ({"label_names": "a,b,c"}, "label_names has 3 names; a binary label has two, false's first"),
        ({"label_names": "a,a"}, "label_names repeat: a, a"),
        ({"label_names": "a: x,b"}, "label_names hold ': '"),
        ({"lable_names": "a"}, "did you mean 'label_names'"),
    ],
)
def test_options_that_are_wrong(options, message, tmp_path):
    with pytest.raises(InputError, match=message):
        prepare("dragon", write_fold(tmp_path / "mine-fold0"), tmp_path / "out", **options)


def test_labels_of_the_support_cover_every_kind():
    from secondopinion.core.dragon_form import KINDS

    assert set(LABELS) == set(KINDS)
