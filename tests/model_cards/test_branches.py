"""Beside the published model: folds, the adapter with its base, copies in other types, each on a branch of its own."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import save_encoder, save_reports

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.model_cards import push_run, row_leaks
from secondopinion.publishing import verify
from secondopinion.training import load_recipe, train

pytestmark = pytest.mark.slow

REPO = "ann/severity"
TEXTS = ["the patient died of a pump alarm", "device failed", "hospital"]
BRANCHES = ["base", "adapter", "fold-1", "fold-2", "bfloat16"]
# Reads the loading lines of several cards, each in names of its own, and says what each model says.
STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """import torch

torch.set_num_threads(1)
task, said = json.load(sys.stdin), {}
for branch, lines in task["lines"].items():
    names = {}
    exec(lines, names)
    tokenizer = names.get("tokenizer") or tokenizer
    batch = tokenizer(task["texts"], padding=True, return_tensors="pt")
    for name in ("model", "merged"):
        if name in names:
            model = names[name].eval()
            # Merging changes the model in place, so what the adapter says by itself is no longer to be had.
            with torch.inference_mode():
                said[f"{branch} {name}"] = model(**batch).logits.float().tolist()
print(json.dumps(said))
"""
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A real run with LoRA, two of its three folds trained, and its data."""
    root = tmp_path_factory.mktemp("branches")
    encoder, data = save_encoder(root / "encoder"), save_reports(root / "data", rows=96)
    recipe = load_recipe(
        {
            "name": "severity",
            "model": {
                "kind": "pooled_encoder",
                "encoder": str(encoder),
                "base_license": "mit",
                "max_length": 32,
                "lora": {"r": 2},
            },
            "training": {"epochs": 1, "batch_size": 16, "learning_rate": 1e-2},
            "folds": {"n_splits": 3, "train": [1, 2]},
            "resamples": 50,
        }
    )
    return train(recipe, data, root / "run"), data


def own_logits(folder):
    import torch
    from transformers import AutoTokenizer

    from secondopinion.scoring.engine import load_classifier

    model, _ = load_classifier(folder)
    batch = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return model.eval()(**batch).logits.tolist()


def lines_of(card):
    (lines,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    return lines


def test_every_branch_loads_over_http_as_its_card_says(hub, made, tmp_path):
    run, _ = made
    token = hub.add_token("ann")
    result = push_run(run, REPO, token=token, folds=True, dtypes=["bfloat16"])
    repo = hub.state.repo(REPO)
    assert [one.message.split(" to ")[0].split(" (")[0] for one in result.branches] == [
        f"pushed {len(one.files)} files" for one in result.branches
    ]
    assert set(repo.branches) == {"main", *BRANCHES}
    cards = {name: repo.files(name)["README.md"].decode() for name in (*BRANCHES, "main")}
    adapter = json.loads(repo.files("adapter")["adapter_config.json"])
    assert adapter["base_model_name_or_path"] == REPO
    assert repo.find(adapter["revision"]).oid == repo.find("base").oid
    assert "model.safetensors" not in repo.files("adapter")
    assert "adapter_config.json" not in repo.files("main")
    lines = {name: lines_of(cards[name]) for name in ("main", *BRANCHES)}
    said = ask_stranger(STRANGER, {"lines": lines, "texts": TEXTS}, tmp_path, HF_ENDPOINT=hub.url)
    selected = run.selected_fold
    for name, fold in (("main", selected), ("fold-1", 1), ("fold-2", 2)):
        assert said[f"{name} model"] == own_logits(run.fold_folder(fold)), name
    merged = own_logits(run.fold_folder(selected))
    assert flat(said["adapter merged"]) == pytest.approx(flat(merged), abs=1e-6)
    assert flat(said["bfloat16 model"]) == pytest.approx(flat(merged), abs=0.05)
    assert said["bfloat16 model"] != merged
    assert flat(said["base model"]) != pytest.approx(flat(merged), abs=1e-3)


def flat(rows):
    return [value for row in rows for value in row]


def test_a_second_push_makes_no_commit_and_verify_reads_a_fold(hub, made):
    run, data = made
    token = hub.add_token("ann")
    push_run(run, REPO, token=token, folds=True)
    heads = dict(hub.state.repo(REPO).branches)
    again = push_run(run, REPO, token=token, folds=True)
    assert hub.state.repo(REPO).branches == heads
    assert not any(one.changed for one in (again, *again.branches))
    other = next(fold for fold in (1, 2) if fold != run.selected_fold)
    claims = {claim.name: claim for claim in verify(REPO, data, revision=f"fold-{other}", token=token)}
    assert claims["files"].holds
    assert {claim.name: claim.holds for claim in verify(REPO, revision="adapter", token=token)} == {
        "files": True,
        "nothing private": True,
        "folds": None,
    }
    assert claims[f"figures of fold {other}"].holds, claims[f"figures of fold {other}"].told
    assert "figures on the card" not in claims


def test_cut_at_any_request_the_same_push_completes(hub, made):
    run, _ = made
    token = hub.add_token("ann")
    push_run(run, REPO, token=token, folds=True)
    whole = {name: hub.state.repo(REPO).files(name) for name in hub.state.repo(REPO).branches}
    total = len(hub.requests)
    for requests in range(3, total, 11):
        hub.state.delete(REPO)
        hub.fail_after(requests)
        with pytest.raises(InputError):
            push_run(run, REPO, token=token, folds=True)
        hub.heal()
        push_run(run, REPO, token=token, folds=True)
        assert {name: hub.state.repo(REPO).files(name) for name in hub.state.repo(REPO).branches} == whole


def test_every_branch_is_looked_at_before_anything_is_sent_and_rows_are_read_once(hub, made, tmp_path, monkeypatch):
    run = RunFolder.open(shutil.copytree(made[0].path, tmp_path / "run"))
    token, read, rows = hub.add_token("ann"), [], row_leaks._rows
    monkeypatch.setattr(row_leaks, "_rows", lambda *given: read.append(given) or rows(*given))
    result = push_run(run, REPO, token=token, folds=True, dry_run=True)
    assert (len(result.branches), len(read)) == (4, 1)
    other = next(fold for fold in (1, 2) if fold != run.selected_fold)
    config = run.fold_folder(other) / "config.json"
    write_json(config, read_json(config) | {"made_in": "/home/ann/models"})
    with pytest.raises(InputError, match=r"config\.json: holds '/home/ann/models', a path of a machine"):
        push_run(run, REPO, token=token, folds=True)
    assert not hub.state.repos


def test_in_folders_the_adapter_finds_its_base_beside_it(made, tmp_path, monkeypatch):
    run, _ = made
    result = push_run(run, tmp_path / "published", dtypes=["float16"])
    assert [folder.name for folder in sorted(tmp_path.iterdir())] == [
        "published",
        "published-adapter",
        "published-base",
        "published-float16",
    ]
    assert len(result.branches) == 3
    config = read_json(tmp_path / "published-float16" / "config.json")
    assert (config["dtype"], config["encoder_config"]["dtype"]) == ("float16", "float16")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(lines_of((tmp_path / "published-adapter" / "README.md").read_text()), names)
    folder = run.fold_folder(run.selected_fold)
    ours, theirs = names["merged"].state_dict(), own_state(folder)
    assert ours.keys() == theirs.keys()
    assert all(abs(ours[name] - theirs[name]).max() < 1e-6 for name in ours)


def own_state(folder):
    from secondopinion.scoring.engine import load_classifier

    return load_classifier(folder)[0].state_dict()


def certify(facts):
    facts["deferral"] = {"threshold": {"dtype": "float32"}}


def test_what_cannot_stand_on_a_branch_is_refused(made, make_run, tmp_path):
    with pytest.raises(InputError, match="unknown dtype 'int7' of a copy"):
        push_run(made[0], tmp_path / "x", dtypes=["int7"])
    with pytest.raises(InputError, match="a model of TF-IDF features is not stored in bfloat16"):
        push_run(make_run("tfidf"), tmp_path / "x", dtypes=["bfloat16"])
    with pytest.raises(InputError, match="threshold was certified in float32, and the copy's scores are others"):
        push_run(make_run(name="deferring", change=certify), tmp_path / "x", dtypes=["bfloat16"])
    with pytest.raises(InputError, match="are for one branch, but folds and copies"):
        push_run(made[0], REPO, folds=True, create_pr=True)
    assert not (tmp_path / "x").exists()
