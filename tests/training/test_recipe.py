import dataclasses

import pytest

from secondopinion.core.errors import InputError
from secondopinion.training.processor_recipe import ProcessorSpec
from secondopinion.training.recipe import Recipe, find_recipe, load_recipe


def test_shipped_recipes_load():
    published = load_recipe("maude_bio_clinicalbert")
    assert published.model.encoder == "emilyalsentzer/Bio_ClinicalBERT"
    assert published.training.learning_rate == 2e-5
    assert (published.training.batch_size, published.training.accumulation_steps) == (16, 2)
    assert load_recipe("maude_tfidf.yaml").model.kind == "tfidf"
    assert load_recipe("maude_offline").model.encoder_sha256.startswith("53aa51172d")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"name": "r", "trainning": {}}, "unknown key 'trainning'; did you mean 'training'"),
        (
            {"name": "r", "training": {"learning_rat": 1}},
            "unknown key 'learning_rat'; did you mean 'learning_rate'",
        ),
        ({"name": "r", "model": {"kind": "tfdif"}}, "unknown kind 'tfdif'; did you mean 'tfidf'"),
        (
            {"name": "r", "model": {"pooling": "avg"}},
            "pooling: 'avg'; known: cls, cls_mean_concat, max, mean",
        ),
        ({"name": "r", "training": {"epochs": "three"}}, "epochs: expected int, got 'three'"),
        ({"name": "r", "training": {"epochs": True}}, "epochs: expected int, got True"),
        ({"name": "r", "training": {"learning_rate": "fast"}}, "expected float, got 'fast'"),
        ({"name": "r", "folds": {"train": 1}}, "train: expected a list, got 1"),
        ({"name": "r", "folds": 5}, "expected a mapping with keys of FoldSpec, got 5"),
        ({}, "name must be given"),
    ],
)
def test_mistakes_are_named(recipe, message):
    with pytest.raises(InputError, match=message):
        load_recipe(recipe)


def test_yaml_reads_exponents_as_numbers(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("name: r\ntraining: {learning_rate: 2e-5}\n")
    assert load_recipe(path).training.learning_rate == 2e-5


def test_files_that_are_no_recipe(tmp_path):
    with pytest.raises(InputError, match="did you mean 'maude_tfidf.yaml'"):
        find_recipe("maude_tfid")
    path = tmp_path / "r.yaml"
    path.write_text("- a list")
    with pytest.raises(InputError, match="a recipe is a mapping"):
        load_recipe(path)
    path.write_text("a: [")
    with pytest.raises(InputError, match="not valid YAML"):
        load_recipe(path)


def test_resolved_recipe_holds_no_path_of_this_machine(tmp_path):
    recipe = Recipe("r", baseline=str(tmp_path / "phase1")).replace(
        dataset={"path": str(tmp_path / "data")}, model={"encoder": "./encoders/mine"}
    )
    plain = recipe.as_dict()
    assert str(tmp_path) not in str(plain)
    assert (plain["dataset"]["path"], plain["model"]["encoder"], plain["baseline"]) == (
        "data",
        "mine",
        "phase1",
    )
    assert load_recipe(plain).as_dict() == plain
    assert dataclasses.replace(recipe, name="other").name == "other"


@pytest.mark.parametrize(
    ("entities", "told"),
    [("medspacy:{}/rules.json", "medspacy:rules.json"), ("hub:{}/tagger", "hub:tagger"), ("hub:team/tagger",) * 2],
)
def test_no_path_of_a_recogniser_is_told(entities, told, tmp_path):
    recipe = load_recipe("dragon_offline").replace(
        model={"processor": ProcessorSpec(entities=entities.format(tmp_path))}
    )
    assert recipe.as_dict()["model"]["processor"]["entities"] == told
