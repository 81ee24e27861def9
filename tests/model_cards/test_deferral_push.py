"""Publishing a deferring system: its own folder, whole, in one commit; votes and answers stay here."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deferral_run import RAW_ANSWER

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.model_cards import push_run
from secondopinion.model_cards.leaks import read_words
from secondopinion.model_cards.vote_leaks import PIECE, answer_pieces, quoted_answers

PIPELINE = "pipeline_deferring_text_classification.py"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def run(make_run):
    return make_run(deferral=True)


def test_the_tree_is_the_system_and_not_the_fold(run, tmp_path):
    result = push_run(run, tmp_path / "published")
    published = tree(tmp_path / "published")
    assert list(result.files) == list(published)
    system = {path.name: path.read_bytes() for path in run.system_folder.iterdir()}
    assert {name: published[name] for name in system} == system
    assert {PIPELINE, "modeling_deferral.py", "model.safetensors", "tokenizer.json"} <= set(system)
    config = json.loads(published["config.json"])
    assert config["custom_pipelines"]["deferring-text-classification"]["impl"].startswith(PIPELINE[:-3])
    assert config["certificate"] == run.facts["deferral"]["certificate"]
    assert {"plots/deferral_curve.png", "plots/deferral_reliability.png", "run.json"} <= set(published)
    assert not [name for name in published if name.endswith((".parquet", ".sqlite")) or "votes" in name]
    assert RAW_ANSWER.encode() not in b"".join(published.values())
    assert not push_run(run, tmp_path / "published").changed


def test_one_commit_replaces_the_fold_by_the_system(hub, make_run):
    token = hub.add_token("ann")
    first = push_run(make_run(name="severity"), "ann/severity", token=token)
    run = make_run(name="other", deferral=True)
    second = push_run(run, "ann/severity", token=token)
    repo = hub.state.repo("ann/severity")
    files = repo.files()
    assert first.tag != second.tag
    assert set(second.files) <= set(files)
    assert files[PIPELINE] == (run.system_folder / PIPELINE).read_bytes()
    assert json.loads(files["config.json"])["model_type"] == "deferral"
    push_run(make_run(name="third"), "ann/severity", token=token)
    assert PIPELINE not in repo.files(), "what the system brought goes when it is replaced"


def test_the_commit_says_how_the_system_does(run):
    from secondopinion.model_cards.deferral_words import deferral_summary

    said, deferral = deferral_summary(run.facts), run.facts["deferral"]
    assert "policy logistic, expert panel" in said
    assert f"{deferral['figures']['system']['macro_f1']:.4f} with {deferral['figures']['deferral_rate']:.1%}" in said
    assert said.endswith(deferral["threshold"]["reason"])


def test_a_corpus_that_forbids_publishing_needs_its_agreement(make_run, tmp_path):
    policy = CorpusPolicy("physionet-credentialed", False, False, False, agreement="PhysioNet DUA 1.5.0").as_dict()
    run = make_run(deferral=True, change=lambda facts: facts["dataset"].update(policy=policy))
    with pytest.raises(InputError, match="PhysioNet DUA 1.5.0"):
        push_run(run, tmp_path / "published")
    assert not (tmp_path / "published").exists()
    result = push_run(run, tmp_path / "published", agreement="PhysioNet DUA 1.5.0")
    assert PIPELINE in result.files
    assert "folds.json" not in result.files, "row ids stay here where the text does"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", PIPELINE, "streaming_budget.py", "text_cues.py"])
def test_a_missing_file_is_named_and_nothing_is_written(run, tmp_path, name):
    (run.system_folder / name).unlink()
    with pytest.raises(InputError, match=r"no weights|holds no model|imports .*\.py|names pipeline_") as found:
        push_run(run, tmp_path / "published")
    assert str(run.system_folder) in str(found.value)
    assert not (tmp_path / "published").exists()


def test_a_missing_system_says_how_to_make_it(run, tmp_path):
    run.system_folder.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="holds no model; make it again with `secondopinion defer`"):
        push_run(run, tmp_path / "published")


def test_a_pipeline_without_its_class_is_refused(run, tmp_path):
    file = run.system_folder / PIPELINE
    file.write_text(file.read_text().replace("class DeferringTextClassificationPipeline", "class Another"))
    with pytest.raises(InputError, match="for deferring-text-classification, but the folder holds no such class"):
        push_run(run, tmp_path / "published")


def raw_answers(run):
    return pq.read_table(run.votes_folder / "panel.parquet")["raw"].to_pylist()


@pytest.mark.parametrize("where", ["experts", "certificate", "description"])
def test_an_answer_in_what_is_published_is_found_and_not_shown(run, tmp_path, where):
    facts = run.facts
    answer = max(raw_answers(run), key=len)
    if where == "experts":
        facts["deferral"]["experts"][0]["last_answer"] = answer
    elif where == "certificate":
        config = json.loads((run.system_folder / "config.json").read_text())
        config["threshold_record"]["note"] = f"see {answer[10:]}"
        (run.system_folder / "config.json").write_text(json.dumps(config))
    else:
        facts["recipe"]["description"] = answer.replace(" ", "\n")
    run.facts_file.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="a part of an expert's answer") as found:
        push_run(run, tmp_path / "published")
    assert answer[:PIECE] not in str(found.value)
    assert not (tmp_path / "published").exists()


def test_a_key_of_an_expert_is_found(make_run, tmp_path, monkeypatch):
    key = "ep-0123456789-secret"
    monkeypatch.setenv("PANEL_KEY", key)

    def leak(facts):
        facts["recipe"]["experts"] = [{"name": "panel", "kind": "llm", "api_key_env": "PANEL_KEY"}]
        facts["deferral"]["experts"][0]["headers"] = f"Bearer {key}"

    with pytest.raises(InputError, match=r"run\.json: holds the token in use") as found:
        push_run(make_run(deferral=True, change=leak), tmp_path / "published")
    assert key not in str(found.value)


@pytest.mark.parametrize("place", ["threshold_record", "certificate"])
def test_a_path_in_the_systems_configuration_is_found(run, tmp_path, place):
    config = json.loads((run.system_folder / "config.json").read_text())
    config[place]["made_from"] = "/home/ann/votes.csv"
    (run.system_folder / "config.json").write_text(json.dumps(config))
    if place == "certificate":
        facts = run.facts
        facts["deferral"]["certificate"]["made_from"] = "/home/ann/votes.csv"
        run.facts_file.write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"config\.json.*a path of"):
        push_run(run, tmp_path / "published")


def test_phrases_of_the_expert_and_class_names_are_not_leaks(tmp_path):
    phrase = "The report describes an event whose class is the following: "
    own = [phrase + f"{word} " * 9 for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    (tmp_path / "votes").mkdir()
    raw = [*own, "Death", None, '{"label": "Injury"}']
    pq.write_table(pa.table({"raw": raw}), tmp_path / "votes" / "panel.parquet")
    pq.write_table(pa.table({"label": ["Death"]}), tmp_path / "votes" / "other.parquet")
    pieces = answer_pieces(tmp_path / "votes")
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"classes": ["Death", '{"label": "Injury"}'], "prompt": phrase}))
    assert list(quoted_answers(read_words(file, "run.json"), "run.json", pieces)) == []
    file.write_text(json.dumps({"note": [own[2]]}))
    assert len(list(quoted_answers(read_words(file, "run.json"), "run.json", pieces))) == 1
    assert answer_pieces(tmp_path / "nowhere") == frozenset()
