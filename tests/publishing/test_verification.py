"""What a published model claims, computed again from what was downloaded: true claims hold, changed ones do not."""

import json
import shutil

import numpy as np
import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.model_cards import push_run
from secondopinion.publishing import verify
from secondopinion.training import load_recipe, train

LABELS = ["Death", "Injury", "Malfunction"]
NOISE = ["device", "reported", "hospital", "nurse", "event", "patient"]
TELLING = {"Death": "expired", "Injury": "burn", "Malfunction": "alarm"}


def save_reports(folder, seed=5, rows=120):
    import datasets

    draw = np.random.default_rng(seed)
    labels = draw.choice(3, rows)
    table = {
        "id": [f"report-{i}" for i in range(rows)],
        "text": [
            " ".join([*draw.choice(NOISE, 8), *([TELLING[LABELS[label]]] if said else [])])
            for label, said in zip(labels, draw.random(rows) < 0.7, strict=True)
        ],
        "label": labels.tolist(),
        "group": [f"g{i // 2}" for i in range(rows)],
    }
    string = datasets.Value("string")
    features = {"id": string, "text": string, "label": datasets.ClassLabel(names=LABELS), "group": string}
    folder.mkdir(parents=True)
    datasets.Dataset.from_dict(table, features=datasets.Features(features)).to_parquet(folder / "train.parquet")
    write_json(folder / "prepare.json", {"corpus": "reports", "rows": rows, "policy": POLICY})
    return folder


POLICY = {
    "licence": "cc0-1.0",
    "text_may_leave_machine": True,
    "publish_text": True,
    "publish_models": True,
    "agreement": None,
    "contains_patient_text": False,
}


def recipe_of(model):
    return load_recipe(
        {
            "name": "severity",
            "model": model,
            "folds": {"n_splits": 3},
            "selection": {"metric": "f1", "label": "Death"},
            "license": "apache-2.0",
            "resamples": 200,
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A real run of phase 1, and its data."""
    root = tmp_path_factory.mktemp("verify")
    data = save_reports(root / "data")
    return train(recipe_of({"kind": "tfidf", "min_df": 1}), data, root / "run"), data


@pytest.fixture
def published(made, tmp_path):
    push_run(made[0], tmp_path / "published")
    return tmp_path / "published"


def found(claims):
    return {claim.name: claim.holds for claim in claims}


def test_over_http_every_claim_holds(hub, made, monkeypatch, tmp_path):
    token = hub.add_token("ann")
    run, data = made
    push_run(run, "ann/severity", token=token)
    claims = verify("ann/severity", data, token=token)
    fold = run.selected_fold
    assert found(claims) == {
        "files": True,
        "nothing private": True,
        "figures on the card": True,
        "text of the card": True,
        "folds": True,
        "data": True,
        "folds of the data": True,
        f"figures of fold {fold}": True,
    }
    assert claims[-1].told.endswith("none is off by more than 0.0000")
    assert found(verify("ann/severity", token=token)).keys() == {
        "files",
        "nothing private",
        "figures on the card",
        "text of the card",
        "folds",
    }


def test_changes_on_the_hub_are_found(hub, made):
    from huggingface_hub import HfApi

    token = hub.add_token("ann")
    push_run(made[0], "ann/severity", token=token)
    api = HfApi(hub.url, token=token)
    facts = json.loads(hub.state.repo("ann/severity").files()["run.json"])
    facts["summary"]["mean"]["accuracy"] = 0.999
    changed = json.dumps(facts).encode()
    api.upload_file(path_or_fileobj=changed, path_in_repo="run.json", repo_id="ann/severity")
    claims = verify("ann/severity", token=token)
    assert found(claims)["files"] is False
    assert found(claims)["figures on the card"] is False
    assert "a file was changed" in claims[0].told
    pinned = verify("ann/severity", token=token, revision=next(iter(hub.state.repo("ann/severity").tags)))
    assert all(claim.holds for claim in pinned)


def test_an_encoder_predicts_its_figures_again(tmp_path, without_plots):
    from tiny_encoder import save_encoder
    from tiny_encoder import save_reports as save_tiny

    encoder, data = save_encoder(tmp_path / "encoder"), save_tiny(tmp_path / "data")
    recipe = recipe_of({"kind": "pooled_encoder", "encoder": str(encoder), "base_license": "mit", "max_length": 32})
    run = train(recipe.replace(training={"epochs": 1, "batch_size": 16}), data, tmp_path / "run", folds=[2])
    push_run(run, tmp_path / "published")
    claims = verify(tmp_path / "published", data)
    assert found(claims)["figures of fold 2"] is True, claims[-1].told
    assert found(claims)["files"] is None
    facts = read_json(tmp_path / "published" / "run.json")
    facts["fold_results"][0]["figures"]["accuracy"] += 0.01
    write_json(tmp_path / "published" / "run.json", facts)
    claims = verify(tmp_path / "published", data)
    assert found(claims)["figures of fold 2"] is False
    assert "accuracy is" in claims[-1].told
    assert found(verify(tmp_path / "published", data, tolerance=0.02))["figures of fold 2"] is True


def test_other_data_and_other_folds_are_found(made, published, tmp_path):
    data = made[1]
    other = verify(published, save_reports(tmp_path / "other", seed=6))
    assert found(other)["data"] is False
    assert "it is other data" in other[-1].told
    facts = read_json(published / "run.json")
    write_json(published / "run.json", facts | {"folds": facts["folds"] | {"seed": 99}})
    assert found(verify(published, data))["folds of the data"] is False
    folds = read_json(published / "folds.json")
    first = next(iter(folds["assignment"]))
    folds["assignment"][first] = folds["assignment"][first] % 3 + 1
    write_json(published / "folds.json", folds)
    claims = {claim.name: claim for claim in verify(published)}
    assert claims["folds"].holds is False
    assert str(published) not in claims["folds"].told
    (published / "folds.json").unlink()
    assert found(verify(published))["folds"] is None


def test_what_is_private_or_broken_is_found(made, published):
    (published / "tokenizer_config.json").write_text(json.dumps({"name_or_path": "/home/ann/model"}))
    claims = {claim.name: claim for claim in verify(published)}
    assert claims["nothing private"].holds is False
    card = published / "README.md"
    card.write_text(card.read_text().replace("## ", "## \n\nBy hand.\n\n## ", 1))
    edited = {claim.name: claim for claim in verify(published)}
    assert edited["figures on the card"].holds is True
    card.write_text(card.read_text().replace("license:", "license: [", 1))
    assert found(verify(published))["figures on the card"] is False
    card.unlink()
    assert found(verify(published))["figures on the card"] is False


def test_what_was_not_published_by_push(hub, made, tmp_path):
    with pytest.raises(InputError, match="is no model that push published: it lacks run.json or config.json"):
        verify(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        verify(tmp_path / "nowhere")
    with pytest.raises(InputError, match="404|401"):
        verify("ann/nothing", token=hub.add_token("ann"))


def test_the_command_ends_with_1_where_a_claim_does_not_hold(made, published, capsys):
    import typer

    from secondopinion.cli.app import app

    app(["verify", str(published), "--data", str(made[1])], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "files: not looked at" in shown
    assert "data: holds: 120 rows" in shown
    write_json(published / "run.json", read_json(published / "run.json") | {"summary": {"mean": {}, "out_of_fold": {}}})
    try:
        code = app(["verify", str(published), "--json"], standalone_mode=False)
    except typer.Exit as error:
        code = error.exit_code
    assert code == 1
    assert {claim["name"]: claim["holds"] for claim in json.loads(capsys.readouterr().out)}[
        "figures on the card"
    ] is False


def test_a_published_folder_is_scored_like_its_run(tmp_path, without_plots):
    from tiny_encoder import save_encoder
    from tiny_encoder import save_reports as save_tiny

    from secondopinion.scoring.classifier import open_classifier

    encoder, data = save_encoder(tmp_path / "encoder"), save_tiny(tmp_path / "data")
    recipe = recipe_of({"kind": "pooled_encoder", "encoder": str(encoder), "base_license": "mit", "max_length": 32})
    run = train(recipe.replace(training={"epochs": 1, "batch_size": 16}), data, tmp_path / "run", folds=[1])
    push_run(run, tmp_path / "published")
    weights = [open_classifier(folder)[0].state_dict() for folder in (run.path, tmp_path / "published")]
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    shutil.rmtree(tmp_path / "published")
