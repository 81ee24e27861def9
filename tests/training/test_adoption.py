"""Models that were trained elsewhere: what is measured is what they say, and nothing more is claimed of them."""

from __future__ import annotations

import json
import re
import shutil

import datasets
import numpy as np
import pytest
import torch
from stock_checkpoint import POSITIONS, change_settings, save_stock
from stranger import WITHOUT_THIS_PACKAGE, ask_stranger
from tiny_encoder import CLASSES, save_encoder, save_reports
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.fingerprint import file_sha256
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import RunFolder
from secondopinion.experts import Vote, write_votes
from secondopinion.model_cards import push_run
from secondopinion.modeling import DeferralForSequenceClassification
from secondopinion.publishing import verify
from secondopinion.scoring.engine import load_classifier, score_texts
from secondopinion.training.adoption import adopt, measuring, published_folds
from secondopinion.training.comparison import compare_runs
from secondopinion.training.data import load_data
from secondopinion.training.deferral import defer
from secondopinion.training.deferral_recipe import DeferralSpec
from secondopinion.training.evaluate import evaluate_run
from secondopinion.training.folds import Folds
from secondopinion.training.recipe import DatasetSpec
from secondopinion.training.report import read_predictions
from secondopinion.training.threshold_rule import ThresholdRule

pytestmark = pytest.mark.slow
QUICK = {"resamples": 50}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("base") / "encoder")


@pytest.fixture(scope="module")
def stock(tmp_path_factory, base):
    return save_stock(tmp_path_factory.mktemp("stock") / "severity", base=base)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return save_reports(tmp_path_factory.mktemp("reports") / "held_out", rows=120, seed=3)


@pytest.fixture(scope="module")
def adopted(tmp_path_factory, stock, reports):
    before = {path.name: file_sha256(path) for path in stock.iterdir()}
    run = adopt(stock, reports, tmp_path_factory.mktemp("runs") / "severity", label="Death", **QUICK)
    assert {path.name: file_sha256(path) for path in stock.iterdir()} == before, "the owner's folder is left as it was"
    return run


@pytest.fixture
def own(adopted, tmp_path):
    return RunFolder(shutil.copytree(adopted.path, tmp_path / "severity"))


def rows_of(folder):
    return datasets.load_dataset("parquet", data_files=str(folder / "train.parquet"), split="train")


def plain_logits(folder, texts):
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        rows = [model(**tokenizer(t, truncation=True, max_length=POSITIONS, return_tensors="pt")) for t in texts]
    return torch.cat([row.logits for row in rows]).numpy()


def with_own_code(stock, folder, own_config=False):
    """Copy the checkpoint as a model whose own code, in several files, turns the logits around."""
    copy = shutil.copytree(stock, folder / "theirs")
    (copy / "turned.py").write_text("def turned(logits):\n    return -logits\n")
    (copy / "theirs.py").write_text(
        "from transformers import BertForSequenceClassification\n\n"
        + ("from .their_config import TheirConfig\n" if own_config else "")
        + "from .turned import turned\n\n\n"
        "class Theirs(BertForSequenceClassification):\n"
        + ("    config_class = TheirConfig\n\n" if own_config else "")
        + "    def forward(self, **kwargs):\n"
        "        output = super().forward(**kwargs)\n"
        "        output.logits = turned(output.logits)\n"
        "        return output\n"
    )
    auto_map = {"AutoModelForSequenceClassification": "theirs.Theirs"}
    changes = {}
    if own_config:
        (copy / "their_config.py").write_text(
            "from transformers import BertConfig\n\n\nclass TheirConfig(BertConfig):\n    model_type = 'theirs'\n"
        )
        auto_map["AutoConfig"] = "their_config.TheirConfig"
        changes = {"model_type": "theirs"}
    change_settings(copy, auto_map=auto_map, **changes)
    return copy


def panel(reports, folder):
    """Write votes of an expert that is always right."""
    rows = rows_of(reports)
    votes = [Vote(id=i, expert="panel", label=CLASSES[k]) for i, k in zip(rows["id"], rows["label"], strict=True)]
    about = {"name": "panel", "kind": "recorded", "label_names": list(reversed(CLASSES))}
    return write_votes(folder / "panel.parquet", votes, about)


A_THIRD = DeferralSpec(policies=["selective"], threshold=ThresholdRule(budget=0.3), risk=None, fallback=False)
STRANGER = (
    WITHOUT_THIS_PACKAGE
    + """
from transformers import AutoModelForSequenceClassification, AutoTokenizer

task = json.load(sys.stdin)
model = AutoModelForSequenceClassification.from_pretrained(task["folder"], trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(task["folder"], trust_remote_code=True)
inputs = tokenizer(task["texts"], padding=True, truncation=True, return_tensors="pt")
print(json.dumps(model(**inputs).logits.tolist()))
"""
)


class TestWhatIsMeasured:
    def test_the_predictions_are_those_of_plain_transformers(self, adopted, stock, reports):
        table, rows = read_predictions(adopted).set_index("id"), rows_of(reports)
        expected = plain_logits(stock, rows["text"])
        names = list(reversed(CLASSES))
        np.testing.assert_allclose(np.stack(table.loc[rows["id"]]["logits"]), expected, atol=1e-5)
        assert table.loc[rows["id"]]["label"].tolist() == [names[k] for k in expected.argmax(axis=1)]
        assert table.loc[rows["id"]]["gold"].tolist() == [CLASSES[k] for k in rows["label"]], "matched by name"
        right = (table["label"] == table["gold"]).mean()
        facts = adopted.facts
        assert facts["summary"]["out_of_fold"]["accuracy"] == pytest.approx(right)
        assert {"macro_f1", "f1_Death", "accuracy"} <= set(facts["summary"]["out_of_fold"]["intervals"])
        assert facts["task"]["label_names"] == names
        assert facts["missed"]["total"] == (table["gold"] == "Death").sum()

    def test_weights_are_copied_byte_for_byte_and_no_pickle_comes_along(self, adopted, stock):
        folder = adopted.fold_folder(1)
        assert file_sha256(folder / "model.safetensors") == file_sha256(stock / "model.safetensors")
        assert adopted.facts["origin"]["weights_sha256"] == {
            "model.safetensors": file_sha256(stock / "model.safetensors")
        }
        assert not {"training_args.bin", "trainer_state.json"} & {path.name for path in folder.iterdir()}

    def test_the_tokenizer_learns_how_much_the_model_holds(self, adopted, stock):
        assert AutoTokenizer.from_pretrained(stock).model_max_length > 1_000_000
        assert AutoTokenizer.from_pretrained(adopted.fold_folder(1)).model_max_length == POSITIONS
        assert adopted.facts["origin"]["changed"] == [f"model_max_length of the tokenizer set to {POSITIONS}"]
        assert 0 < adopted.facts["fold_results"][0]["truncated_share"] < 1

    def test_nothing_is_claimed_of_a_training_that_was_not_seen(self, adopted, tmp_path):
        facts = adopted.facts
        assert facts["origin"]["trained"] == "elsewhere"
        assert facts["created_at"] is None
        assert "training" not in facts["recipe"]
        assert not {"epochs", "best_epoch", "seconds"} & set(facts["fold_results"][0])
        assert facts["calibration"]["temperature"] == 1.0
        assert facts["calibration"]["ece"]["before"] == facts["calibration"]["ece"]["after"]
        assert "nothing here chose it" in facts["selection"]["reason"]
        push_run(adopted, tmp_path / "published")
        card = (tmp_path / "published" / "README.md").read_text()
        assert "Trained elsewhere, not by this project: its training was not seen" in card
        assert "BertForSequenceClassification" in card
        assert "trust_remote_code" not in card
        assert not re.search(r"Trained from|fold[s]? took", card)


class TestWhichRows:
    def test_rows_that_it_was_trained_on_are_left_out(self, stock, reports, tmp_path):
        held_out, features = rows_of(reports).to_list(), rows_of(reports).features
        trained = [{**row, "id": f"t{row['id']}", "group": f"t{row['group']}"} for row in held_out[:3]]
        trained[1]["text"] = trained[1]["text"].upper() + " !"
        first = held_out[2]["text"].split()
        trained[2]["text"] = " ".join(dict.fromkeys([*first, "of"]))
        unlike = {"text": "and " * 30, "label": 0}
        trained += [
            {**unlike, "id": held_out[9]["id"], "group": "t9"},
            {**unlike, "id": "t10", "group": held_out[20]["group"]},
        ]
        folder = tmp_path / "held_out"
        folder.mkdir()
        datasets.Dataset.from_list(trained, features=features).to_parquet(folder / "train.parquet")
        run = adopt(stock, reports, tmp_path / "run", trained_on=folder, **QUICK)
        found = run.facts["origin"]["trained_on"]["overlap"]
        assert (found["same_text"], found["same_id"], found["same_group"], found["compared"]) == (2, 1, 2, 120)
        left = {row["id"] for row in held_out} - set(read_predictions(run)["id"])
        assert {held_out[i]["id"] for i in (0, 1, 9, 20, 21)} <= left
        assert found["left_out"] == len(left) == 120 - run.facts["origin"]["measured"]["rows"]
        assert run.facts["folds"]["never_held_out"] == len(left)
        assert f"{len(left)} that are there too, or nearly so, were left out" in run.facts["recipe"]["description"]

    def test_the_rows_that_a_file_or_the_datas_own_folds_name(self, stock, reports, tmp_path):
        rows = rows_of(reports)
        (tmp_path / "ids.txt").write_text("\n".join(rows["id"][:40]))
        run = adopt(stock, reports, tmp_path / "named", rows=tmp_path / "ids.txt", **QUICK)
        assert sorted(read_predictions(run)["id"]) == sorted(rows["id"][:40])
        assert Folds.load(run.folds_file).sizes == [40]
        folded = tmp_path / "folded"
        folded.mkdir()
        rows.add_column("fold", [i % 3 for i in range(120)]).to_parquet(folded / "train.parquet")
        run = adopt(stock, folded, tmp_path / "folds", fold=2, **QUICK)
        assert sorted(read_predictions(run)["id"]) == sorted(rows["id"][2::3])
        assert (run.facts["folds"]["trained"], run.selected_fold) == ([2], 2)

    def test_whoever_has_the_data_finds_the_same_rows_again(self, adopted, reports, tmp_path):
        data = load_data(DatasetSpec(path=str(reports)))
        assert published_folds(tmp_path, adopted.facts, data).sha1 == adopted.facts["folds"]["sha1"]
        facts = adopted.facts
        facts["origin"]["measured"] |= {"chosen_by": "rows", "rows": 40}
        assert published_folds(tmp_path, facts, data) is None
        assert published_folds(adopted.path, facts, data).sha1 == adopted.facts["folds"]["sha1"], "by folds.json"

    def test_the_terms_of_what_it_was_trained_on_hold_for_the_model(self, stock, reports, tmp_path):
        notes = save_reports(tmp_path / "notes", rows=60, seed=11)
        policy = CorpusPolicy("other", False, False, False, agreement="PhysioNet DUA")
        (notes / "prepare.json").write_text(json.dumps({"corpus": "notes", "policy": policy.as_dict()}))
        run = adopt(stock, reports, tmp_path / "run", trained_on=notes, **QUICK)
        with pytest.raises(InputError, match="do not allow publishing a model trained on it; pass --agreement"):
            push_run(run, tmp_path / "published")
        push_run(run, tmp_path / "published", agreement="PhysioNet DUA")
        assert not (tmp_path / "published" / "folds.json").exists()


class TestWhereItComesFrom:
    def test_the_hub_with_what_its_own_card_says(self, hub, stock, reports, tmp_path):
        from huggingface_hub import HfApi

        folder = shutil.copytree(stock, tmp_path / "stock", ignore=shutil.ignore_patterns("*.bin"))
        (folder / "README.md").write_text("---\nlicense: mit\nbase_model: team/tiny\n---\n# Theirs\n")
        api = HfApi(endpoint=hub.url, token=hub.add_token("ann"))
        api.create_repo("ann/stock")
        commit = api.upload_folder(repo_id="ann/stock", folder_path=folder).oid
        run = adopt("ann/stock", reports, tmp_path / "run", **QUICK)
        assert run.facts["origin"]["checkpoint"] == {"repository": "ann/stock", "revision": commit}
        assert (run.facts["model"]["base_model"], run.facts["recipe"]["license"]) == ("team/tiny", "mit")
        assert not (run.fold_folder(1) / "README.md").exists()

    def test_code_of_its_own_runs_when_it_is_trusted(self, stock, reports, tmp_path):
        run = adopt(with_own_code(stock, tmp_path), reports, tmp_path / "run", trust_remote_code=True, **QUICK)
        assert run.facts["model"]["class"] == "Theirs"
        table, rows = read_predictions(run).set_index("id"), rows_of(reports)
        expected = -plain_logits(stock, rows["text"][:5])
        np.testing.assert_allclose(np.stack(table.loc[rows["id"][:5]]["logits"]), expected, atol=1e-5)
        assert "theirs.py" in push_run(run, tmp_path / "published").files
        assert "trust_remote_code=True" in (tmp_path / "published" / "README.md").read_text()
        claims = {claim.name: claim for claim in verify(tmp_path / "published", reports)}
        assert claims["figures of fold 1"].holds is None
        assert "give --trust-remote-code" in claims["figures of fold 1"].told
        again = verify(tmp_path / "published", reports, trust_remote_code=True)
        assert again[-1].holds is True, again[-1].told
        assert again[-1].name == "figures of fold 1"


class TestAgain:
    def test_a_killed_call_goes_on(self, stock, reports, tmp_path, monkeypatch):
        calls, real = [], measuring.predict_logits

        def counted(model, tokenizer, encoded, **options):
            calls.append(len(encoded))
            if len(calls) == 3:
                raise KeyboardInterrupt
            return real(model, tokenizer, encoded, **options)

        monkeypatch.setattr(measuring, "PIECE", 50)
        monkeypatch.setattr(measuring, "predict_logits", counted)
        with pytest.raises(KeyboardInterrupt):
            adopt(stock, reports, tmp_path / "run", **QUICK)
        assert not (tmp_path / "run" / "run.json").exists()
        run = adopt(stock, reports, tmp_path / "run", **QUICK)
        assert calls == [50, 50, 20, 20], "pieces that were done are kept"
        assert len(read_predictions(run)) == 120
        assert sorted(path.name for path in run.path.iterdir() if path.name.startswith(".")) == []

    def test_a_second_call_measures_nothing_and_keeps_what_was_made_of_the_run(
        self, own, stock, reports, monkeypatch, tmp_path
    ):
        monkeypatch.setattr(measuring, "predict_logits", None)
        own.add_facts({"comparisons": []})
        adopt(stock, reports, own.path, label="Death", license="mit", description="Severity of reports.", **QUICK)
        facts = own.facts
        assert facts["recipe"]["license"] == "mit"
        assert facts["recipe"]["description"].startswith("Severity of reports. Trained elsewhere")
        assert "comparisons" in facts
        with pytest.raises(InputError, match="was begun with another dataset fingerprint, another folds sha1"):
            adopt(stock, save_reports(tmp_path / "other", rows=60, seed=4), own.path, **QUICK)


class TestWhatFollows:
    def test_it_compares_defers_and_is_measured_on_other_data_like_a_run_of_ours(self, own, reports, tmp_path):
        other = save_reports(tmp_path / "others", rows=60, seed=8)
        ids = [f"o{i}" for i in range(60)]
        rows_of(other).remove_columns("id").add_column("id", ids).to_parquet(other / "train.parquet")
        measured = evaluate_run(own, other)
        assert sum(measured["summary"]["out_of_fold"]["per_class"][name]["support"] for name in CLASSES) == 60
        assert compare_runs(own, own, n_resamples=100)["changes"]["counts"]["became_wrong"] == 0
        found = defer(own, votes=[panel(reports, tmp_path)], data=reports, spec=A_THIRD)
        assert found["figures"]["system"]["accuracy"] > found["figures"]["classifier"]["accuracy"]
        texts = rows_of(reports)["text"][:4]
        system = AutoModelForSequenceClassification.from_pretrained(own.system_folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(own.system_folder)
        with torch.inference_mode():
            logits = system(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
        np.testing.assert_allclose(logits, plain_logits(own.fold_folder(1), texts), atol=1e-5)

    def test_one_with_code_of_its_own_defers_by_that_code_where_it_is_trusted(self, hub, stock, reports, tmp_path):
        run = adopt(
            with_own_code(stock, tmp_path, own_config=True), reports, tmp_path / "run", trust_remote_code=True, **QUICK
        )
        votes = {"votes": [panel(reports, tmp_path)], "data": reports, "spec": A_THIRD}
        with pytest.raises(InputError, match="read that code, and if you trust it, give --trust-remote-code"):
            defer(run, **votes)
        found = defer(run, **votes, trust_remote_code=True)
        assert found["figures"]["system"]["accuracy"] > found["figures"]["classifier"]["accuracy"]
        with pytest.raises(InputError, match="give --trust-remote-code"):
            load_classifier(run.system_folder)
        with pytest.raises(ValueError, match=r"by code of its own \(their_config.py\).*trust_remote_code=True"):
            DeferralForSequenceClassification.from_pretrained(run.system_folder)
        texts = rows_of(reports)["text"][:4]
        expected = -plain_logits(stock, texts)
        np.testing.assert_allclose(score_texts(*load_classifier(run.system_folder, True), texts), expected, atol=1e-5)
        published = tmp_path / "published"
        assert {"theirs.py", "their_config.py", "turned.py"} <= set(push_run(run, published).files)
        task = {"folder": str(published), "texts": texts}
        np.testing.assert_allclose(ask_stranger(STRANGER, task, tmp_path), expected, atol=1e-5)
        push_run(run, "ann/theirs", token=hub.add_token("ann"))
        system = DeferralForSequenceClassification.from_pretrained("ann/theirs", trust_remote_code=True)
        tokenizer = AutoTokenizer.from_pretrained(published)
        np.testing.assert_allclose(score_texts(system, tokenizer, texts), expected, atol=1e-5)
        claims = {claim.name: claim for claim in verify(published, reports, trust_remote_code=True)}
        assert claims["figures of fold 1"].holds is True, claims["figures of fold 1"].told
        other = save_reports(tmp_path / "others", rows=60, seed=8)
        ids = [f"o{i}" for i in range(60)]
        rows_of(other).remove_columns("id").add_column("id", ids).to_parquet(other / "train.parquet")
        again = evaluate_run(run, other, votes=[panel(other, tmp_path)], trust_remote_code=True)
        assert again["deferral"]["figures"]["rows"] == 60


def save_labelled(folder, base, labels, feature, **facts):
    rows = rows_of(base)
    rows = rows.remove_columns("label").add_column("label", labels[: len(rows)], feature=feature)
    folder.mkdir()
    rows.to_parquet(folder / "train.parquet")
    if facts:
        (folder / "prepare.json").write_text(json.dumps({"corpus": "made up", **facts}))
    return folder


class TestOtherProblems:
    def test_several_labels_in_another_order(self, reports, base, tmp_path):
        labels = [[i % 2, i % 3 // 2, 1] for i in range(120)]
        feature = datasets.List(datasets.Value("int64"))
        data = save_labelled(tmp_path / "data", reports, labels, feature, label={"names": ["pain", "leak", "alarm"]})
        order = ["alarm", "pain", "leak"]
        stock = save_stock(tmp_path / "stock", order, base=base, problem_type="multi_label_classification")
        run = adopt(stock, data, tmp_path / "run", **QUICK)
        assert (run.facts["task"]["label_names"], run.facts["task"]["kind"]) == (order, "multi_label")
        table = read_predictions(run)
        assert np.stack(table["gold"]).tolist() == [[row[2], row[0], row[1]] for row in labels]
        assert run.facts["dataset"]["class_counts"] == {"alarm": 120, "pain": 60, "leak": 40}
        push_run(run, tmp_path / "published")

    def test_a_number_whose_output_has_no_name(self, reports, base, tmp_path):
        numbers = [float(i % 7) for i in range(120)]
        data = save_labelled(tmp_path / "data", reports, numbers, datasets.Value("float64"))
        run = adopt(save_stock(tmp_path / "stock", ["LABEL_0"], base=base), data, tmp_path / "run", **QUICK)
        assert run.facts["task"]["kind"] == "regression"
        assert read_json(run.fold_folder(1) / "config.json")["id2label"] == {"0": "value"}
        logits = plain_logits(tmp_path / "stock", rows_of(data)["text"]).ravel()
        assert run.facts["summary"]["mean"]["mae"] == pytest.approx(np.abs(logits - numbers).mean(), abs=1e-4)
        push_run(run, tmp_path / "published")
        with pytest.raises(
            InputError, match=r"is a model of regression with 1 outputs, but .* is data of single-label"
        ):
            adopt(tmp_path / "stock", reports, tmp_path / "other", **QUICK)

    def test_outputs_without_names_are_named_by_the_caller(self, reports, base, tmp_path):
        stock = save_stock(tmp_path / "stock", [f"LABEL_{i}" for i in range(4)], base=base)
        with pytest.raises(InputError, match=r"does not name its outputs .* --labels Death,Injury,Malfunction,Other"):
            adopt(stock, reports, tmp_path / "run", **QUICK)
        assert not (tmp_path / "run").exists()
        run = adopt(stock, reports, tmp_path / "run", labels=["Other", "Injury", "Death", "Malfunction"], **QUICK)
        model = AutoModelForSequenceClassification.from_pretrained(run.fold_folder(1))
        assert model.config.id2label == {0: "Other", 1: "Injury", 2: "Death", 3: "Malfunction"}
        assert "outputs named in config.json" in run.facts["origin"]["changed"]


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def to_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def to_trainer_output(folder):
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.mkdir()
    kept.rename(folder / "checkpoint-500")


def lose_the_head(folder):
    from safetensors.torch import load_file, save_file

    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("classifier.")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def widen_the_tokenizer(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["zebra", "zither"])
    tokenizer.save_pretrained(folder)


def settings(**changes):
    return lambda folder: change_settings(folder, **changes)


def rename_labels(*names):
    numbered = {str(i): name for i, name in enumerate(names)}
    return settings(id2label=numbered, label2id={name: int(i) for i, name in numbered.items()})


BROKEN = {
    "no tokenizer": (remove("tokenizer.json"), "holds no tokenizer .* nobody could give it a text. Save"),
    "pickled weights": (
        to_pickle,
        r"its weights are in pytorch_model.bin, which can run code .* Convert it, in Python",
    ),
    "the Trainer's whole output": (to_trainer_output, "give a checkpoint inside it: .*checkpoint-500"),
    "an adapter": (lambda f: (f / "adapter_config.json").write_text("{}"), "is an adapter .* Merge it first"),
    "a run of ours": (lambda f: (f / "run.json").write_text("{}"), "has its figures already .* secondopinion verify"),
    "a model of questions": (settings(architectures=["BertForQuestionAnswering"]), "answers questions .* clinical_qa_"),
    "no head": (settings(architectures=["BertForMaskedLM"]), "expected one whose architecture ends in ForSequence"),
    "an untrained head": (lose_the_head, "lacks 2 weights of BertForSequenceClassification .* drawn at random"),
    "another tokenizer": (widen_the_tokenizer, "has 22 tokens, the model 20 embeddings: they do not belong together"),
    "code of its own": (
        settings(auto_map={"AutoConfig": "theirs.Config"}),
        "if you trust it, give --trust-remote-code",
    ),
    "a lost shard": (
        lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-2.safetensors"}}'),
        "lacks model-2.safetensors, named in model.safetensors.index.json: it was not copied whole",
    ),
    "a word misspelt": (
        rename_labels("Death", "Injry", "Malfunction", "Other"),
        "Not known to the model: Injury; did you",
    ),
    "small letters": (
        rename_labels("other", "death", "injury", "malfunction"),
        "--labels Other,Death,Injury,Malfunction",
    ),
    "too few outputs": (rename_labels("Death", "Injury"), "2 outputs cannot be measured on 4 labels"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_be_adopted_is_refused_and_nothing_is_written(how, stock, reports, tmp_path):
    change, message = BROKEN[how]
    folder = shutil.copytree(stock, tmp_path / "theirs")
    change(folder)
    if how == "too few outputs":
        shutil.rmtree(folder)
        save_stock(folder, ["Death", "Injury"])
    with pytest.raises(InputError, match=message):
        adopt(folder, reports, tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["Death", "Injury"]}, "--labels names 2 outputs .* has 4"),
        ({"max_length": 400}, f"--max-length is 400, but .* holds {POSITIONS} tokens"),
        ({"fold": 1}, "the rows have no column 'fold'"),
        ({"split": "tset"}, "has no split 'tset'; known: train"),
        ({"rows": "missing.txt"}, "missing.txt does not exist; give a text file with the ids"),
        ({"metric": "macro_f2"}, "unknown metric 'macro_f2'; did you mean"),
        ({"label": "Deth"}, "no class is called 'Deth'; did you mean 'Death'"),
        ({"training_notes": "missing.yaml"}, "missing.yaml does not exist; give a YAML file"),
    ],
)
def test_options_that_do_not_fit(options, message, stock, reports, tmp_path):
    with pytest.raises(InputError, match=message):
        adopt(stock, reports, tmp_path / "run", **options, **QUICK)
    assert not (tmp_path / "run").exists()


def test_the_very_data_it_was_trained_on_and_notes_with_a_path(stock, reports, tmp_path):
    with pytest.raises(InputError, match="is the very data that the model was trained on"):
        adopt(stock, reports, tmp_path / "run", trained_on=reports, **QUICK)
    (tmp_path / "notes.yaml").write_text("data: /home/ann/notes\n")
    with pytest.raises(InputError, match="holds paths of this machine"):
        adopt(stock, reports, tmp_path / "run", training_notes=tmp_path / "notes.yaml", **QUICK)
    with pytest.raises(InputError, match="is the checkpoint itself, inside it or around it"):
        adopt(stock, reports, stock / "run", **QUICK)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"made by this project .* secondopinion push"):
        adopt(tmp_path / "ours", reports, tmp_path / "run", **QUICK)
