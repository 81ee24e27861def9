"""`score` of a corpus: order, resumption, damage, deferral, and the same from every engine."""

import json
import shutil
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chat_server import ChatServer
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.machine import bf16_supported
from secondopinion.scoring.asker import Asker
from secondopinion.scoring.corpus.shards import plan_shards
from secondopinion.scoring.corpus.sources import open_sources
from secondopinion.scoring.job import score_corpus
from secondopinion.scoring.opening import open_model

LABELS = ["Death", "Injury", "Malfunction", "Other"]
# What the plain forward computes in, whatever the machine is quickest in.
PLAIN = ["--precision", "float32"]


@pytest.fixture(scope="module")
def corpus(texts, tmp_path_factory):
    """A folder with two Parquet files: 75 texts, of which rows 9 and 60 hold none."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [{"id": f"r{number}", "text": text, "year": 2000 + number} for number, text in enumerate(texts)]
    rows[9]["text"], rows[60]["text"] = None, " "
    pq.write_table(pa.Table.from_pylist(rows[:40]), folder / "a.parquet")
    pq.write_table(pa.Table.from_pylist(rows[40:]), folder / "b.parquet")
    return folder


def score(*arguments):
    return CliRunner().invoke(app, ["score", *map(str, arguments)])


def as_told(frame, expected):
    """Check a table against the plain forward."""
    assert frame["id"].tolist() == [f"r{number}" for number in range(75)]
    told = ~frame.index.isin([9, 60])
    assert frame.loc[~told, "label"].isna().all()
    found = frame.loc[told, [f"p_{name}" for name in LABELS]].to_numpy(dtype=float)
    assert np.abs(found - expected[told]).max() < 1e-5
    assert frame.loc[told, "label"].tolist() == [LABELS[place] for place in expected[told].argmax(axis=1)]


def read_parts(folder):
    return pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("part-*"))], ignore_index=True)


def test_a_folder_of_parts_in_order_with_a_manifest(severity, corpus, expected, tmp_path):
    arguments = ["--model", severity, "--input", corpus, "--output", tmp_path / "out", "--rows-per-part", 16]
    said = score(*arguments, "--keep", "year", *PLAIN)
    assert said.exit_code == 0, said.output
    assert "75 rows in" in said.output
    assert "2 rows hold no text; their prediction is null" in said.output
    frame = read_parts(tmp_path / "out")
    as_told(frame, expected)
    assert frame["year"].tolist() == list(range(2000, 2075))
    manifest = read_json(tmp_path / "out" / "manifest.json")
    assert manifest["complete"] is True
    assert [part["file"] for part in manifest["parts"]] == [f"part-{n:05d}.parquet" for n in range(5)]
    assert (manifest["rows"], manifest["without_text"]) == (75, 2)
    assert manifest["computed_by"]["name"] == manifest["job"]["model"]["backend"]["name"]
    assert str(tmp_path) not in json.dumps(manifest)
    for word in ("pump", "battery"):
        assert word not in json.dumps(manifest)


def test_it_is_computed_in_what_the_machine_multiplies_in(severity, corpus, expected, tmp_path):
    assert score("--model", severity, "--input", corpus, "--output", tmp_path / "out").exit_code == 0
    used = read_json(tmp_path / "out" / "manifest.json")["computed_by"]["precision"]
    assert used == ("bfloat16" if bf16_supported() else "float32")
    frame = read_parts(tmp_path / "out")
    told = ~frame.index.isin([9, 60])
    assert (frame.loc[told, "label"] == np.array(LABELS)[expected[told].argmax(axis=1)]).mean() >= 0.95


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_one_table(severity, corpus, expected, tmp_path, kind):
    out = tmp_path / f"said.{kind}"
    arguments = ["--model", severity, "--input", corpus / "a.parquet", "--input", corpus / "b.parquet", "--output", out]
    assert score(*arguments, "--rows-per-part", 20, *PLAIN).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    readers = {"csv": pd.read_csv, "jsonl": lambda path: pd.read_json(path, lines=True), "parquet": pd.read_parquet}
    as_told(readers[kind](out), expected)
    again = score(*arguments)
    assert again.exit_code != 0
    assert isinstance(again.exception, InputError)
    assert "is there already" in str(again.exception)


def test_killed_at_any_part_it_goes_on_without_scoring_a_row_twice(severity, corpus, expected, tmp_path):
    code = (
        "import os, signal, sys\n"
        "from secondopinion.scoring.corpus import output_folder\n"
        "write = output_folder.OutputFolder.write\n"
        "left = [2]\n"
        "def counted(self, number, table):\n"
        "    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    left[0] -= 1\n"
        "    write(self, number, table)\n"
        "output_folder.OutputFolder.write = counted\n"
        "from secondopinion.cli import main\n"
        "main()\n"
    )
    arguments = ["score", "--model", severity, "--input", corpus, "--output", tmp_path / "out", "--rows-per-part", "16"]
    arguments += ["--backend", "torch", *PLAIN]
    command = [sys.executable, "-c", code, *map(str, arguments)]
    written = {}
    for parts in (2, 4):
        assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
        assert len(list((tmp_path / "out").glob("part-*"))) == parts
        assert not (tmp_path / "out" / "manifest.json").exists()
        written |= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    said = score(*arguments[1:])
    assert said.exit_code == 0
    assert "continuing: 4 parts" in said.stderr
    assert "11 rows scored" in said.output
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == time for name, time in written.items())
    as_told(read_parts(tmp_path / "out"), expected)
    # What is finished is not done again, and says the same.
    assert "75 rows" in score(*arguments[1:]).output
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == time for name, time in written.items())


def test_what_is_gone_on_with_is_computed_as_it_was_begun(severity, corpus, tmp_path):
    out = tmp_path / "out"
    arguments = ["--model", severity, "--input", corpus, "--output", out, "--rows-per-part", "40"]
    for backend in ("openvino", "torch"):
        assert score(*arguments, "--backend", backend, *PLAIN, "--force").exit_code == 0
        (out / "part-00001.parquet").unlink()
        again = score(*arguments)
        assert again.exit_code == 0, again.exception
        assert "35 rows scored" in again.output
        assert read_json(out / "manifest.json")["computed_by"]["name"] == backend


def test_the_output_of_another_job_is_kept(severity, corpus, tmp_path):
    out = tmp_path / "out"
    assert score("--model", severity, "--input", corpus, "--output", out).exit_code == 0
    other = score("--model", severity, "--input", corpus / "a.parquet", "--output", out, "--max-length", 32)
    assert "a job that was begun differently (input, model)" in str(other.exception)
    assert len(read_parts(out)) == 75
    replaced = score("--model", severity, "--input", corpus / "a.parquet", "--output", out, "--force")
    assert replaced.exit_code == 0
    assert len(read_parts(out)) == 40
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    mine = score("--model", severity, "--input", corpus, "--output", tmp_path / "mine", "--force")
    assert "something other than scored parts" in str(mine.exception)


def test_a_damaged_part_is_written_anew(severity, corpus, expected, tmp_path):
    arguments = ["--model", severity, "--input", corpus, "--output", tmp_path / "out", "--rows-per-part", 16]
    arguments += PLAIN
    score(*arguments)
    (tmp_path / "out" / "part-00002.parquet").write_bytes(b"PAR1")
    assert "16 rows scored" in score(*arguments).output
    as_told(read_parts(tmp_path / "out"), expected)


def test_a_shard_that_cannot_be_read_does_not_stop_the_others(severity, corpus, expected, tmp_path):
    shutil.copytree(corpus, tmp_path / "in")
    rows = pq.read_table(corpus / "b.parquet").to_pylist()
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "in" / "b.parquet").unlink()
    (tmp_path / "in" / "b.jsonl").write_text("\n".join([*lines[:10], '{"id": "r50", "text": 50}', *lines[11:]]))
    arguments = ["--model", severity, "--input", tmp_path / "in", "--output", tmp_path / "out", "--rows-per-part", 8]
    arguments += PLAIN
    said = score(*arguments)
    assert said.exit_code == 1
    assert "67 rows in" in said.output
    assert "part 6: b.jsonl: the text of row 10 is of type int" in said.output
    assert read_json(tmp_path / "out" / "manifest.json")["complete"] is False
    kept = (tmp_path / "out" / "part-00004.parquet").stat().st_mtime_ns
    (tmp_path / "in" / "b.jsonl").write_text("\n".join(lines))
    again = score(*arguments)
    assert again.exit_code == 0
    assert "continuing: 5 parts were scored before, 4 of input that has changed since are scored anew" in again.stderr
    assert (tmp_path / "out" / "part-00004.parquet").stat().st_mtime_ns == kept
    as_told(read_parts(tmp_path / "out"), expected)


def test_a_wrong_column_is_told_at_once(severity, corpus, tmp_path):
    said = score("--model", severity, "--input", corpus, "--output", tmp_path / "out", "--text-column", "texts")
    assert "has no column 'texts' for the text; did you mean 'text'" in str(said.exception)


def test_long_texts_in_windows(severity, corpus, texts, tmp_path):
    out = tmp_path / "said.parquet"
    arguments = ["--model", severity, "--input", corpus, "--output", out, "--backend", "torch"]
    assert score(*arguments, "--long", "mean", "--stride", 10, "--precision", "float32").exit_code == 0
    frame = pd.read_parquet(out)
    long = next(number for number, text in enumerate(texts) if len(text.split()) > 70 and number not in (9, 60))
    model = open_model(severity, backend="torch", precision="float32")
    tokenizer = model.scorer.encode.reader
    parts = tokenizer(texts[long], truncation=True, max_length=64, stride=10, return_overflowing_tokens=True)
    windows = tokenizer.batch_decode(parts["input_ids"], skip_special_tokens=True)
    assert len(windows) > 1
    logits = model.scorer.score(windows).outputs["logits"].mean(axis=0)
    powers = np.exp(logits - logits.max())
    assert np.abs(frame.loc[long, [f"p_{n}" for n in LABELS]].to_numpy(float) - powers / powers.sum()).max() < 1e-5


class TestDeferral:
    def test_the_budget_holds_at_every_row_and_after_a_stop(self, make_run, corpus, tmp_path):
        run = make_run(deferral=True)
        plan = plan_shards(open_sources([corpus]), rows_per_shard=5)
        model = open_model(run.path)

        def once(folder, fail_after=None):
            from secondopinion.modeling import StreamingBudget

            asked = []

            def expert(texts, ids):
                asked.extend(ids)
                if fail_after is not None and len(asked) > fail_after:
                    raise InputError("the expert went home")
                return [{"label": "Other"} for _ in texts]

            asker = Asker({model.config.expert_names[0]: expert}, StreamingBudget(0.2), LABELS)
            score_corpus(model, plan, tmp_path / folder, asker=asker, asked={"expert": "x"})
            return asked

        whole = once("whole")
        frame = read_parts(tmp_path / "whole")
        said = frame[frame["label"].notna()].reset_index(drop=True).astype({"deferred": bool})
        for rows in range(5, len(said) + 1, 5):
            assert said["deferred"][:rows].sum() <= 0.2 * (rows + 4)
        assert said["deferred"].sum() == 14
        assert sorted(whole) == sorted(frame.loc[frame["deferred"] == True, "id"])  # noqa: E712
        assert (said.loc[said["deferred"], "final_label"] == "Other").all()
        assert (said.loc[~said["deferred"], "final_label"] == said.loc[~said["deferred"], "label"]).all()
        with pytest.raises(InputError, match="went home"):
            once("stopped", fail_after=6)
        assert 0 < len(list((tmp_path / "stopped").glob("part-*"))) < len(plan.shards)
        once("stopped")
        again = read_parts(tmp_path / "stopped")
        assert again["deferred"].sum() <= 14
        assert again["id"].tolist() == frame["id"].tolist()

    def test_a_language_model_is_asked_while_the_rest_is_scored(self, make_run, corpus, tmp_path):
        run = make_run(deferral=True)
        with ChatServer() as server:
            said = score(
                *("--model", run.path, "--input", corpus, "--output", tmp_path / "said.parquet"),
                *("--rows-per-part", 16, "--expert-url", server.url, "--expert-model", "tiny"),
            )
        assert said.exit_code == 0, said.output
        frame = pd.read_parquet(tmp_path / "said.parquet")
        deferred = frame[frame["deferred"] == True]  # noqa: E712
        assert len(deferred)
        assert deferred["expert_label"].notna().any() or deferred["expert_error"].notna().all()

    def test_an_expert_is_not_asked_for_labels_that_the_policy_does_not_know(self, make_run, corpus, tmp_path):
        def other(facts):
            facts["task"]["label_names"] = ["mild", "moderate", "severe", "none"]

        run = make_run(deferral=True, change=other)
        asked = ["--expert-url", "http://127.0.0.1:9/v1", "--expert-model", "tiny"]
        said = score("--model", run.path, "--input", corpus, "--output", tmp_path / "out", *asked)
        assert "its run.json names mild, moderate, severe, none" in str(said.exception)
        assert not (tmp_path / "out").exists()

    def test_without_a_policy_or_on_a_cluster_it_is_refused(self, severity, make_run, corpus, tmp_path):
        plain = score("--model", severity, "--input", corpus, "--output", tmp_path / "out", "--budget", 0.1)
        assert "has no deferral policy" in str(plain.exception)
        run = make_run(deferral=True)
        cluster = ["--input", corpus, "--output", tmp_path / "out", "--budget", 0.1, "--engine", "ray"]
        assert "leave --budget and" in str(score("--model", run.path, *cluster).exception)
        windows = score("--model", run.path, "--input", corpus, "--output", tmp_path / "out", "--long", "mean")
        assert "says nothing of windows; leave --long out" in str(windows.exception)
        wrong = score("--model", run.path, "--input", corpus, "--output", tmp_path / "out", "--budget", 7)
        assert "--budget is 7.0; expected a share" in str(wrong.exception)


def test_words_and_an_adopted_kind_score_too(make_run, corpus, tmp_path):
    run = make_run("tfidf")
    said = score("--model", run.path, "--input", corpus, "--output", tmp_path / "said.csv")
    assert said.exit_code == 0, said.output
    frame = pd.read_csv(tmp_path / "said.csv")
    assert np.allclose(frame.loc[[0, 1], [f"p_{name}" for name in LABELS]].sum(axis=1), 1)


def test_a_full_disk_keeps_what_is_written(severity, corpus, tmp_path, monkeypatch):
    from secondopinion.core.errors import DiskFullError

    out, real = tmp_path / "out", pq.write_table

    def full(table, path, *rest, **options):
        if "part-00002" in str(path):
            raise OSError(28, "No space left on device")
        return real(table, path, *rest, **options)

    monkeypatch.setattr(pq, "write_table", full)
    model = open_model(severity, backend="torch")
    plan = plan_shards(open_sources([corpus]), rows_per_shard=16)
    with pytest.raises(DiskFullError, match="no room left"):
        score_corpus(model, plan, out)
    assert [path.name for path in sorted(out.glob("*.parquet"))] == ["part-00000.parquet", "part-00001.parquet"]
    monkeypatch.undo()
    assert score_corpus(model, plan, out).scored == 43


def test_memory_stays_flat(severity, tmp_path):
    code = """
import resource, sys
import pyarrow as pa, pyarrow.parquet as pq
from secondopinion.scoring.job import score_corpus
from secondopinion.scoring.opening import open_model
from secondopinion.scoring.corpus.shards import plan_shards
from secondopinion.scoring.corpus.sources import open_sources
model = open_model(sys.argv[1], backend="torch")
peaks = []
for name, rows in (("small", 1_000), ("large", 10_000)):
    writer = None
    for start in range(0, rows, 1000):
        table = pa.table({"text": ["the pump alarm failed in the hospital " * 20] * 1000})
        writer = writer or pq.ParquetWriter(f"{sys.argv[2]}/{name}.parquet", table.schema)
        writer.write_table(table)
    writer.close()
    plan = plan_shards(open_sources([f"{sys.argv[2]}/{name}.parquet"]), rows_per_shard=512)
    score_corpus(model, plan, f"{sys.argv[2]}/{name}")
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] / peaks[0])
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(severity), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(run.stdout.split()[-1]) < 1.1


class TestSeveralWorkers:
    def test_ray_gives_the_same_though_a_worker_is_killed(self, severity, corpus, expected, tmp_path):
        marker = tmp_path / "killed"
        code = f"""
import functools, os, signal, sys
from secondopinion.scoring.opening import open_model
from secondopinion.scoring.ray_cluster import score_on_ray
from secondopinion.scoring.corpus.shards import plan_shards
from secondopinion.scoring.corpus.sources import open_sources

def opener(**chosen):
    model = open_model({str(severity)!r}, **{{"backend": "torch", "precision": "float32", **chosen}})
    score = model.scorer.score_encoded
    def dying(encoded, advance=None):
        # One worker, once, in the middle of the job; the driver scores nothing.
        try:
            os.close(os.open({str(marker)!r}, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return score(encoded, advance)
        os.kill(os.getpid(), signal.SIGKILL)
    model.scorer.score_encoded = dying
    return model

plan = plan_shards(open_sources([{str(corpus)!r}]), rows_per_shard=8)
print(score_on_ray(opener, plan, {str(tmp_path / "out")!r}, workers=2))
"""
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr[-3000:]
        assert marker.exists()
        assert "75 rows in" in said.stdout
        as_told(read_parts(tmp_path / "out"), expected)

    def test_two_processes_give_the_same(self, severity, corpus, expected, tmp_path):
        arguments = ["--model", severity, "--input", corpus, "--output", tmp_path / "out", "--rows-per-part", "8"]
        arguments += PLAIN
        launch = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", "-m", "secondopinion"]
        said = subprocess.run(
            [sys.executable, *launch, "score", *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr[-3000:]
        assert "process 2 of 2" in said.stderr
        as_told(read_parts(tmp_path / "out"), expected)
        assert read_json(tmp_path / "out" / "manifest.json")["complete"] is True
