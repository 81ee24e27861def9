"""What must not be published is found, in every kind of file, and what only looks like it is not."""

from __future__ import annotations

import getpass
import json
import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from secondopinion.core.errors import InputError
from secondopinion.model_cards import push_run
from secondopinion.model_cards.leaks import leaks

TOKEN = "hf_" + "aB3" * 12


def plant_json(name, **extra):
    def plant(run):
        file = run.fold_folder(run.selected_fold) / name
        content = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**content, **extra}))

    return plant


def plant_text(name, text):
    def plant(run):
        file = run.fold_folder(run.selected_fold) / name
        file.write_text((file.read_text() if file.exists() else "") + text)

    return plant


def plant_bytes(name, content):
    def plant(run):
        (run.fold_folder(run.selected_fold) / name).write_bytes(content)

    return plant


def plant_fact(run):
    facts = {**run.facts, "note": "/home/ann/runs/severity"}
    run.facts_file.write_text(json.dumps(facts))


def plant_weights_header(run):
    header = json.dumps({"__metadata__": {"from": "/home/ann/model"}}).encode()
    (run.fold_folder(run.selected_fold) / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


def cut_weights(run):
    file = run.fold_folder(run.selected_fold) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def plant_in_plot(run):
    plot = run.plots / "calibration.png"
    plot.write_bytes(plot.read_bytes() + str(Path.cwd()).encode() + plot.read_bytes()[-12:])


def cut_plot(run):
    plot = run.plots / "calibration.png"
    plot.write_bytes(plot.read_bytes()[:200])


PLANTED = {
    "absolute path in config": (
        plant_json("config.json", encoder_config={"_name_or_path": "/data/models/bert"}),
        r"config\.json: encoder_config\._name_or_path: /data/models/bert, a path of this machine",
    ),
    "relative path in config": (
        plant_json("config.json", _name_or_path="runs/severity/fold-1"),
        r"config\.json: _name_or_path: runs/severity/fold-1, a path of this machine; clear it",
    ),
    "windows path": (
        plant_json("tokenizer_config.json", name_or_path="C:\\Users\\ann\\bert"),
        r"tokenizer_config\.json: .*C:\\Users\\ann\\bert, a path of this machine",
    ),
    "path of a recogniser": (
        plant_text("modeling_pooled_encoder.py", "\nENTITIES = 'hub:/home/ann/ner'\n"),
        r"modeling_pooled_encoder\.py: holds 'hub:/home/ann/ner', a path of a machine",
    ),
    "path in code": (
        plant_text("modeling_pooled_encoder.py", "\n# see /home/ann/experiments/notes\n"),
        r"modeling_pooled_encoder\.py: holds '/home/ann/experiments/notes', a path of a machine",
    ),
    "home folder in code": (
        plant_text("modeling_pooled_encoder.py", "\nCACHE = '~/cache'\n"),
        r"modeling_pooled_encoder\.py: holds '~/cache', a path of a machine",
    ),
    "token in code": (
        plant_text("modeling_pooled_encoder.py", f"\nTOKEN = '{TOKEN}'\n"),
        r"modeling_pooled_encoder\.py: holds a Hugging Face token; remove it",
    ),
    "api key in config": (
        plant_json("config.json", key="sk-" + "x1" * 20),
        r"config\.json: holds an API key",
    ),
    "private key": (
        plant_text("modeling_pooled_encoder.py", "\n-----BEGIN RSA PRIVATE KEY-----\n"),
        r"holds a private key",
    ),
    "password in an address": (
        plant_json("config.json", proxy="https://ann:secret@proxy.ward"),
        r"config\.json: holds a password in an address",
    ),
    "path in run.json": (plant_fact, r"run\.json: note: /home/ann/runs/severity, a path of this machine"),
    "path in the weights' header": (plant_weights_header, r"model\.safetensors: holds '/home/ann/model'"),
    "weights cut off": (cut_weights, r"model\.safetensors: \d+ bytes, expected \d+: it was cut off"),
    "weights that are none": (plant_bytes("model.safetensors", b"PK\x03\x04"), r"is not a safetensors file"),
    "a pickle named as weights": (
        plant_bytes("model.safetensors", pickle.dumps({"weights": [1.0] * 10})),
        r"model\.safetensors: is not a safetensors file",
    ),
    "path in a plot": (plant_in_plot, r"plots/calibration\.png: holds '.*', a path of this machine"),
    "plot cut off": (cut_plot, r"plots/calibration\.png: is not a PNG picture"),
    "json cut off": (plant_bytes("tokenizer.json", b'{"version": "1.0", '), r"tokenizer\.json: is not valid JSON"),
    "not text": (plant_bytes("modeling_pooled_encoder.py", b"\xff\xfe\x00"), r"is not UTF-8 text"),
    "optimizer state": (plant_bytes("optimizer.pt", b"x"), r"holds optimizer\.pt: a pickle can run code"),
    "pickled weights": (plant_bytes("pytorch_model.bin", b"x"), r"holds pytorch_model\.bin: a pickle can run code"),
    "trainer's arguments": (plant_bytes("training_args.bin", b"x"), r"holds training_args\.bin"),
    "joblib": (plant_bytes("model.joblib", b"x"), r"holds model\.joblib"),
}


@pytest.mark.parametrize("kind", sorted(PLANTED))
def test_each_kind_of_leak_stops_the_push(make_run, tmp_path, kind):
    plant, message = PLANTED[kind]
    run = make_run()
    plant(run)
    with pytest.raises(InputError, match=message) as caught:
        push_run(run, tmp_path / "published")
    assert TOKEN not in str(caught.value)
    assert not (tmp_path / "published").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs"]


def test_a_pickle_inside_a_skops_file(make_run, tmp_path):
    run = make_run("tfidf")
    with zipfile.ZipFile(run.fold_folder(run.selected_fold) / "model.skops", "a") as archive:
        archive.writestr("extra.pkl", pickle.dumps([1]))
    with pytest.raises(InputError, match=r"model\.skops: holds the pickle extra\.pkl"):
        push_run(run, tmp_path / "published")


def test_a_zip_that_skops_did_not_write(make_run, tmp_path):
    run = make_run("tfidf")
    with zipfile.ZipFile(run.fold_folder(run.selected_fold) / "model.skops", "w") as archive:
        archive.writestr("data.bin", b"x")
    with pytest.raises(InputError, match=r"model\.skops: is a zip file without schema\.json"):
        push_run(run, tmp_path / "published")


def test_a_skops_file_that_was_cut_off(make_run, tmp_path):
    run = make_run("tfidf")
    file = run.fold_folder(run.selected_fold) / "model.skops"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"model\.skops: is not a skops file, or only the beginning of one"):
        push_run(run, tmp_path / "published")


def test_all_leaks_are_named_at_once(make_run, tmp_path):
    run = make_run()
    PLANTED["token in code"][0](run)
    PLANTED["absolute path in config"][0](run)
    with pytest.raises(InputError, match=r"(?s)must stay here:\n- config\.json: .*\n- modeling_pooled_encoder\.py: "):
        push_run(run, tmp_path / "published")


def scan(tmp_path, name, text, **options):
    file = tmp_path / "scanned"
    file.write_text(text)
    return list(leaks(file, name, **options))


def test_the_login_name(tmp_path, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "annsmith")
    assert scan(tmp_path, "a.py", "path = 'x/annsmith/y'") == ["a.py: holds the login name 'annsmith'"]
    assert scan(tmp_path, "a.md", "mail annsmith@ward.example") == ["a.md: holds the login name 'annsmith'"]
    assert scan(tmp_path, "a.md", "see hf.co/annsmith/model", repo_id="annsmith/model") == []
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    assert scan(tmp_path, "a.py", "the /root/ of a tree") == []


def test_the_token_in_use_is_found_whatever_it_looks_like(tmp_path):
    found = scan(tmp_path, "vocab.txt", "my-odd-token", secrets=["my-odd-token"])
    assert found == ["vocab.txt: holds the token in use; remove it, and revoke it if it was ever published"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "see https://huggingface.co/home/docs and (plots/a.png), ratio 3/4, and/or"),
        ("a.py", "return a / b  # hf_hub_download, sk-learn, 10/12/2024"),
        ("config.json", '{"_name_or_path": "", "base_model_name_or_path": "google/bert", "auto_map": {"A": "m.B"}}'),
        ("tokenizer.json", '{"model": {"vocab": {"/": 1, "/home/ann": 2, "~/": 3, "hf": 4}}}'),
        ("vocab.txt", "/\n//\n/tmp\n"),
        ("special_tokens_map.json", '{"cls_token": "[CLS]", "unk_token": "<unk>"}'),
    ],
)
def test_what_only_looks_like_a_leak(tmp_path, name, text):
    assert scan(tmp_path, name, text) == []


NARRATIVE = (
    "The nurse found the pump silent at 0400 and the patient was given oxygen before the second pump was brought."
)


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("found the pump SILENT at 0400, and\nthe", True),
        ("found the pump silent at 0400 and", False),
        ("0 0 0 0 0 0 0 0 1 1 1 1", False),
    ],
)
def test_eight_words_of_a_text_stop_the_push_of_a_classifier(make_run, tmp_path, words, refused):
    import datasets

    rows = {"id": ["a", "b"], "text": [NARRATIVE, "0 0 0 0 0 0 0 0 1 1 1 1"], "label": [0, 1]}
    (tmp_path / "data").mkdir()
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "data" / "train.parquet")
    run = make_run()
    run.write_local({"data": str(tmp_path / "data")})
    run.facts_file.write_text(json.dumps({**run.facts, "remark": {"why": f"as it said: {words} …"}}))
    if not refused:
        assert push_run(run, tmp_path / "published").changed
        return
    with pytest.raises(InputError, match=r"run\.json: holds a part of a row's text; remove it") as caught:
        push_run(run, tmp_path / "published")
    assert "silent" not in str(caught.value).lower()
    assert not (tmp_path / "published").exists()
