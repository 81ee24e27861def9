"""Publishing into a folder: the whole tree or nothing, and nothing that must stay on this machine."""

from __future__ import annotations

import errno
import json
import shutil
import signal
from pathlib import Path

import forked
import pytest

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.model_cards import push_run
from secondopinion.model_cards.delivery import as_folder


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_tree_of_an_encoder(make_run, tmp_path):
    run = make_run()
    checkpoint = run.fold_folder(run.selected_fold)
    result = push_run(run.path, f"{tmp_path}/published")
    published = tree(tmp_path / "published")
    assert list(result.files) == list(published)
    assert result.changed
    assert result.commit is None
    code = {path.name for path in checkpoint.glob("*.py")}
    assert {"modeling_pooled_encoder.py", "configuration_pooled_encoder.py"} <= code <= set(published)
    for name in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", *code):
        assert published[name] == (checkpoint / name).read_bytes()
    assert published["run.json"] == run.facts_file.read_bytes()
    assert {"README.md", "folds.json", "plots/calibration.png", "plots/confusion_matrix.png"} <= set(published)
    assert not {"local.json", "predictions.parquet"} & set(published)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["published", "runs"]


def test_the_tree_of_the_baseline(make_run, tmp_path):
    push_run(make_run("tfidf"), tmp_path / "published")
    assert {"README.md", "config.json", "model.skops", "run.json"} <= set(tree(tmp_path / "published"))


def test_the_selected_fold_is_published(make_run, tmp_path):
    run = make_run("tfidf")
    for fold in range(1, 6):
        config = run.fold_folder(fold) / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "fold": fold}))
    push_run(run, tmp_path / "published")
    assert json.loads((tmp_path / "published" / "config.json").read_text())["fold"] == run.selected_fold


def test_row_ids_stay_here_unless_the_text_may_be_published(make_run, tmp_path):
    policy = CorpusPolicy("other", False, publish_text=False, publish_models=True).as_dict()
    run = make_run(change=lambda facts: facts["dataset"].update(policy=policy))
    assert "folds.json" not in push_run(run, tmp_path / "published").files


def test_pushing_again_changes_nothing_and_says_so(make_run, tmp_path):
    run, target = make_run(), tmp_path / "published"
    first = push_run(run, target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    second = push_run(run, target)
    assert (first.changed, second.changed) == (True, False)
    assert "holds exactly this already" in second.message
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before


def test_an_older_push_is_replaced_as_a_whole(make_run, tmp_path):
    target = tmp_path / "published"
    push_run(make_run(name="a"), target)
    push_run(make_run("tfidf", name="b"), target)
    assert not (target / "model.safetensors").exists()
    assert (target / "model.skops").exists()


def test_a_dry_run_checks_and_writes_nothing(make_run, tmp_path):
    result = push_run(make_run(), tmp_path / "published", dry_run=True)
    assert not (tmp_path / "published").exists()
    assert not result.changed
    assert "would write" in result.message
    assert "README.md" in result.files


def test_unknown_files_of_the_checkpoint_stay_here_and_are_named(make_run, tmp_path):
    run = make_run()
    folder = run.fold_folder(run.selected_fold)
    (folder / "notes.txt").write_text("mine")
    (folder / "checkpoint-12").mkdir()
    (folder / "checkpoint-12" / "optimizer.pt").write_bytes(b"x")
    result = push_run(run, tmp_path / "published")
    assert result.left_out == ("checkpoint-12", "notes.txt")
    assert str(result).splitlines() == [result.message, "not published: checkpoint-12, notes.txt"]
    assert not {"notes.txt", "checkpoint-12/optimizer.pt"} & set(tree(tmp_path / "published"))


def test_a_folder_with_something_else_is_left_alone(make_run, tmp_path):
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"holds something other than an earlier push \(chapter.docx for one\)"):
        push_run(make_run(), target)
    assert tree(target) == {"chapter.docx": b"years of work"}


def test_a_file_and_the_run_itself_are_no_targets(make_run, tmp_path):
    run = make_run()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; give a folder"):
        push_run(run, tmp_path / "file")
    for target in (run.path, run.path / "published", run.path.parent):
        with pytest.raises(InputError, match="is the run folder itself, inside it or around it"):
            push_run(run, target)


def test_an_empty_folder_is_fine(make_run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert push_run(make_run(), tmp_path / "empty").changed


@pytest.mark.parametrize(
    ("to", "folder"),
    [
        ("./model", "model"),
        ("../model", "../model"),
        ("/srv/model", "/srv/model"),
        ("folder:model", "model"),
        (Path("ann/model"), "ann/model"),
        ("ann/model", None),
    ],
)
def test_which_targets_are_folders(to, folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert as_folder(to) == (None if folder is None else Path(folder))


def test_an_existing_folder_wins_over_a_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ann" / "model").mkdir(parents=True)
    assert as_folder("ann/model") == Path("ann/model")


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("model", r"'model' is not a repository.*write namespace/model for the Hub, or \./model for a folder"),
        ("out/models/a", r"write \./out/models/a if a folder is meant"),
        ("ann/model/", r"write \./ann/model/ if a folder is meant"),
        ("ann/mo del", r"letters, digits"),
        ("ann/a--b", r"no '--'"),
    ],
)
def test_targets_that_are_neither(make_run, to, message, monkeypatch, tmp_path):
    run = make_run()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        push_run(run, to)


def test_settings_of_the_hub_do_not_fit_a_folder(make_run, tmp_path):
    with pytest.raises(InputError, match="are for the Hub, but .* is a folder"):
        push_run(make_run(), tmp_path / "published", private=True)


def test_no_run_no_push(tmp_path):
    with pytest.raises(InputError, match="is not a finished run: it holds no run.json"):
        push_run(tmp_path, "./published")


def test_a_corpus_that_forbids_publishing(make_run, tmp_path):
    terms = CorpusPolicy("other", False, False, publish_models=False, agreement="PhysioNet 1.5.0").as_dict()
    run = make_run(change=lambda facts: facts["dataset"].update(name="mimic", policy=terms))
    with pytest.raises(InputError, match=r"'mimic' \(other\) do not allow publishing.*--agreement 'PhysioNet 1.5.0'"):
        push_run(run, tmp_path / "published")
    with pytest.raises(InputError, match="do not allow publishing"):
        push_run(run, tmp_path / "published", agreement="another")
    assert not (tmp_path / "published").exists()
    assert push_run(run, tmp_path / "published", agreement="PhysioNet 1.5.0").changed


@pytest.mark.parametrize("part", ["rule", "reason"])
def test_without_a_selection_rule_nothing_is_published(make_run, tmp_path, part):
    run = make_run(change=lambda facts: facts["selection"].pop(part))
    with pytest.raises(InputError, match=rf"run\.json lacks selection\.{part}"):
        push_run(run, tmp_path / "published")
    assert not (tmp_path / "published").exists()


def test_without_the_selected_checkpoint_nothing_is_published(make_run, tmp_path):
    run = make_run()
    shutil.rmtree(run.fold_folder(run.selected_fold))
    with pytest.raises(InputError, match="is missing: it is the checkpoint that the rule selected"):
        push_run(run, tmp_path / "published")


def test_a_plot_that_is_gone(make_run, tmp_path):
    run = make_run()
    (run.plots / "calibration.png").unlink()
    with pytest.raises(InputError, match=r"calibration\.png is named in run\.json but is not there"):
        push_run(run, tmp_path / "published")


def test_a_licence_the_hub_does_not_know_becomes_other(make_run, tmp_path):
    run = make_run(change=lambda facts: facts["model"].update(base_license="Clinic Licence"))
    push_run(run, tmp_path / "published")
    assert b"license: other\nlicense_name: clinic-licence\n" in tree(tmp_path / "published")["README.md"]


def test_a_card_that_is_not_valid_is_not_published(make_run, tmp_path):
    with pytest.raises(InputError, match="(?s)metadata is not valid.*'English' is not a language code"):
        push_run(make_run(), tmp_path / "published", language="English")
    assert not (tmp_path / "published").exists()


def test_a_full_disk_leaves_the_older_push(make_run, tmp_path, monkeypatch):
    target = tmp_path / "published"
    push_run(make_run("tfidf", name="a"), target)
    before = tree(target)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    run = make_run(name="b")
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFullError, match="no room left on the disk.*run the same command again"):
        push_run(run, target)
    assert tree(target) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["published", "runs"]


KILLED = """
import os, signal, sys
from secondopinion.core import files
from secondopinion.model_cards import push

calls = 0
real = os.replace

def replace(source, target):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)

files.os.replace = replace
push.push_run(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_leaves_no_half_folder_and_a_rerun_finishes(make_run, tmp_path, at):
    target = tmp_path / "out" / "published"
    push_run(make_run("tfidf", name="a"), target)
    before = tree(target)
    run = make_run(name="b")
    killed = forked.run(KILLED, run.path, target, at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not target.exists() or tree(target) == before
    assert target.exists() == (at == 1)
    result = push_run(run, target)
    assert list(tree(target)) == list(result.files)
    assert [p.name for p in target.parent.iterdir()] == ["published"]
