"""Two runs side by side: differences, tests and slices that other code gives too, and what is written of them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.model_cards import push_run
from secondopinion.training import load_recipe, train
from secondopinion.training.comparison import compare_runs, comparison_markdown

LABELS = ["Death", "Injury", "Malfunction"]
WORDS = {"Death": ["expired", "arrest"], "Injury": ["burn", "bleeding"], "Malfunction": ["alarm", "battery"]}
NOISE = ["device", "reported", "hospital", "nurse", "event", "patient", "visit", "unit"]
ROWS = 240


def save_reports(folder, start=0):
    import datasets

    draw = np.random.default_rng(5)
    labels = draw.choice(3, ROWS, p=[0.3, 0.3, 0.4])
    told = draw.random(ROWS) < 0.7
    sizes = draw.integers(3, 40, ROWS)
    meta = {
        "date_received": [f"{2019 + i % 3}-0{1 + i % 9}-11" for i in range(ROWS)],
        "device_group": [f"pump {i % 11}" for i in range(ROWS)],
        "maker": [None if i % 7 == 0 else "Alder" if i % 2 else "Birch" for i in range(ROWS)],
        "outcomes": [["Death", "Other"] if i % 5 == 0 else ["Other"] for i in range(ROWS)],
        "age": [None if i % 10 == 0 else 20 + i % 60 for i in range(ROWS)],
    }
    rows = {
        "id": [f"report-{start + i}" for i in range(ROWS)],
        "text": [
            " ".join([*draw.choice(NOISE, size), *([draw.choice(WORDS[LABELS[label]])] if said else [])])
            for label, said, size in zip(labels, told, sizes, strict=True)
        ],
        "label": labels.tolist(),
        "group": [f"g{i // 2}" for i in range(ROWS)],
        "meta": [dict(zip(meta, values, strict=True)) for values in zip(*meta.values(), strict=True)],
    }
    string = datasets.Value("string")
    own = {name: string for name in ("date_received", "device_group", "maker")}
    own |= {"outcomes": datasets.List(string), "age": datasets.Value("int64")}
    features = {"id": string, "text": string, "label": datasets.ClassLabel(names=LABELS), "group": string, "meta": own}
    folder.mkdir(parents=True)
    datasets.Dataset.from_dict(rows, features=datasets.Features(features)).to_parquet(folder / "train.parquet")
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A weak run (few words), a better one, and their data."""
    root = tmp_path_factory.mktemp("compare")
    data = save_reports(root / "data")
    made = []
    for name, most in (("weak", 10), ("better", 1000)):
        recipe = load_recipe(
            {
                "name": name,
                "model": {"kind": "tfidf", "max_features": most, "min_df": 1},
                "folds": {"n_splits": 3},
                "selection": {"metric": "f1", "label": "Death"},
                "license": "apache-2.0",
            }
        )
        made.append(train(recipe, data, root / name))
    return (*made, data)


def predictions(*runs):
    tables = [pd.read_parquet(run.predictions_file).set_index("id") for run in runs]
    return tables[0], tables[1].loc[tables[0].index]


def copy_of(run, folder, change=None, facts=None):
    shutil.copytree(run.path, folder)
    copied = RunFolder(folder)
    if change is not None:
        change(pd.read_parquet(copied.predictions_file)).to_parquet(copied.predictions_file)
    if facts is not None:
        write_json(copied.facts_file, facts(read_json(copied.facts_file)))
    return copied


class TestFigures:
    def test_figures_and_test_are_those_of_scikit_learn_and_scipy(self, runs):
        weak, better, _ = runs
        facts = compare_runs(weak, better, n_resamples=300)
        one, other = predictions(weak, better)
        figures = {figure["name"]: figure for figure in facts["figures"]}
        assert list(figures) == ["accuracy", "macro_f1", *(f"f1_{name}" for name in LABELS)]
        for side, table in (("first", one), ("second", other)):
            assert figures["accuracy"][side] == pytest.approx(accuracy_score(one["gold"], table["label"]))
            per_class = f1_score(one["gold"], table["label"], average=None, labels=LABELS)
            for name, value in zip(LABELS, per_class, strict=True):
                assert figures[f"f1_{name}"][side] == pytest.approx(value)
        for figure in figures.values():
            assert figure["difference"] == pytest.approx(figure["second"] - figure["first"])
            assert figure["low"] <= figure["difference"] <= figure["high"]
        assert figures["accuracy"]["low"] > 0
        right = [(table["label"] == table["gold"]).to_numpy() for table in (one, other)]
        gained, lost = int((~right[0] & right[1]).sum()), int((right[0] & ~right[1]).sum())
        counts = facts["changes"]["counts"]
        assert (counts["became_right"], counts["became_wrong"]) == (gained, lost)
        assert sum(counts.values()) == facts["rows"] == ROWS
        assert facts["test"]["p_value"] == pytest.approx(binomtest(gained, gained + lost).pvalue)
        assert sum(way["rows"] for way in facts["changes"]["ways"]) == int((one["label"] != other["label"]).sum())
        assert facts["groups"] == ROWS // 2

    def test_the_other_way_round_turns_the_signs(self, runs):
        weak, better, _ = runs
        there = compare_runs(weak, better, n_resamples=200)
        back = compare_runs(better, weak, n_resamples=200)
        for one, other in zip(there["figures"], back["figures"], strict=True):
            assert one["difference"] == pytest.approx(-other["difference"])
        assert there["test"]["p_value"] == back["test"]["p_value"]

    def test_a_run_does_not_differ_from_itself(self, runs):
        facts = compare_runs(runs[0], runs[0], n_resamples=200)
        assert all(figure["low"] == figure["high"] == 0 for figure in facts["figures"])
        assert facts["test"]["p_value"] == 1
        assert facts["changes"]["ways"] == []
        assert all(one["p_holm"] == 1 for one in facts["slices"])
        assert "weak (first)" in comparison_markdown(facts)


class TestSlices:
    def test_by_class_length_and_what_the_data_say(self, runs):
        weak, better, data = runs
        by = ["class", "length", "year", "device", "maker", "outcomes", "age"]
        facts = compare_runs(weak, better, by=by, most=6, least=5, n_resamples=200)
        found = {name: {one["value"]: one for one in facts["slices"] if one["by"] == name} for name in by}
        one, other = predictions(weak, better)
        for label in LABELS:
            own = one["gold"] == label
            assert found["class"][label]["rows"] == own.sum()
            assert found["class"][label]["second"] == pytest.approx((other["label"][own] == label).mean())
        rows = pd.read_parquet(data / "train.parquet").set_index("id").loc[one.index]
        words = rows["text"].str.split().map(len)
        first = next(iter(found["length"]))
        assert first.startswith("up to ")
        assert found["length"][first]["rows"] == (words <= int(first.split()[2])).sum()
        assert sum(one["rows"] for one in found["length"].values()) == ROWS
        assert list(found["year"]) == ["2019", "2020", "2021"]
        assert list(found["device"])[-1] == "other (6 values)"
        assert len(found["device"]) == 6
        assert list(found["maker"]) == ["Alder", "Birch", "not known"]
        assert found["outcomes"]["Other"]["rows"] == ROWS
        assert found["outcomes"]["Death"]["rows"] == ROWS // 5
        assert found["age"]["not known"]["rows"] == ROWS // 10
        assert len(found["age"]) == 4
        assert all(one["p_holm"] >= one["p_value"] - 1e-9 for one in facts["slices"])

    def test_small_slices_are_left_out(self, runs):
        facts = compare_runs(*runs[:2], by=["outcomes"], least=ROWS // 5 + 1, n_resamples=100)
        assert [one["value"] for one in facts["slices"]] == ["Other"]

    @pytest.mark.parametrize(
        ("by", "message"),
        [
            ("makr", "no single column 'makr' to make slices by \\(did you mean 'maker'"),
            ("e", "it stands for .*date_received"),
        ],
    )
    def test_a_name_that_is_none_or_several(self, runs, by, message):
        with pytest.raises(InputError, match=message):
            compare_runs(*runs[:2], by=[by], n_resamples=100)

    def test_without_the_data_there_is_the_class_alone(self, runs, tmp_path):
        weak, better = (copy_of(run, tmp_path / run.name) for run in runs[:2])
        for run in (weak, better):
            run.write_local({})
        facts = compare_runs(weak, better, n_resamples=100)
        assert {one["by"] for one in facts["slices"]} == {"class"}
        assert facts["groups"] is None
        with pytest.raises(InputError, match="slices by 'length' need the rows themselves; give them with --data"):
            compare_runs(weak, better, by=["length"])
        assert compare_runs(weak, better, runs[2], by=["length"], n_resamples=100)["groups"] == ROWS // 2


class TestWhatIsWritten:
    def test_files_hold_what_changed_and_no_text(self, runs, tmp_path):
        weak, better, data = runs
        facts = compare_runs(weak, better, output=tmp_path / "out", n_resamples=100)
        written = json.loads((tmp_path / "out" / "comparison.json").read_text())
        assert written == json.loads(json.dumps(facts))
        assert (tmp_path / "out" / "comparison.md").read_text() == comparison_markdown(facts)
        assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")
        changed = pd.read_parquet(tmp_path / "out" / "changed.parquet").set_index("id")
        one, other = predictions(weak, better)
        assert set(changed.index) == set(one.index[one["label"] != other["label"]])
        assert changed["second"].equals(other["label"].loc[changed.index].rename("second"))
        texts = pd.read_parquet(data / "train.parquet")["text"]
        assert not set(changed.columns) & {"text"}
        assert not any(text in (tmp_path / "out" / "comparison.json").read_text() for text in texts)

    def test_a_recorded_comparison_is_in_the_card(self, runs, tmp_path):
        weak, better, _ = runs
        copied = copy_of(better, tmp_path / "better")
        for _ in range(2):
            facts = compare_runs(weak, copied, record=True, n_resamples=100)
        assert len(copied.facts["comparisons"]) == 1
        push_run(copied, str(tmp_path / "published"))
        card = (tmp_path / "published" / "README.md").read_text()
        assert "## Beside weak" in card
        assert f"{facts['changes']['counts']['became_right']} rows became right" in card
        assert "class: Death" in card
        assert "![Differences from weak, with 95% intervals" in card
        assert (tmp_path / "published" / "plots" / "comparison_weak.png").exists()
        assert "comparisons" not in weak.facts

    def test_from_the_command_line(self, runs, tmp_path, capsys):
        from secondopinion.cli.app import app

        arguments = ["compare", str(runs[0].path), str(runs[1].path), "--by", "year", "--resamples", "100"]
        app([*arguments, "--output", str(tmp_path / "out")], standalone_mode=False)
        shown = capsys.readouterr().out
        assert "# better against weak" in shown
        assert "year: 2020" in shown
        app([*arguments, "--json"], standalone_mode=False)
        assert json.loads(capsys.readouterr().out)["rows"] == ROWS


class TestSystems:
    def test_what_deferring_systems_say(self, make_run, tmp_path):
        run = make_run(deferral=True)
        alone = compare_runs(run, run, n_resamples=100)
        system = compare_runs(run, run, system=True, n_resamples=100)
        assert system["figures"][0]["first"] > alone["figures"][0]["first"]
        plain = make_run(name="plain")
        shutil.copy(run.predictions_file, plain.predictions_file)
        table = pd.read_parquet(plain.predictions_file).drop(columns="final_label")
        table.to_parquet(plain.predictions_file)
        with pytest.raises(InputError, match="plain does not defer; make it do so with: secondopinion defer"):
            compare_runs(run, plain, system=True)


class TestQuestions:
    def test_two_runs_of_questions(self, tmp_path):
        from qa_deferral_run import build_deferral_run

        run, _ = build_deferral_run(tmp_path / "first")
        wrong = ["exact", "f1", "joint"]

        def worse(table):
            table.loc[table.index[:20], wrong] = np.where(table.loc[table.index[:20], wrong].isna(), np.nan, 0.0)
            return table

        other = copy_of(run, tmp_path / "second", worse)
        facts = compare_runs(run, other, n_resamples=200)
        table, changed = (pd.read_parquet(one.predictions_file) for one in (run, other))
        figures = {figure["name"]: figure for figure in facts["figures"]}
        assert figures["exact"]["first"] == pytest.approx(table["exact"].astype(float).mean())
        assert figures["f1"]["difference"] == pytest.approx(
            changed["f1"].astype(float).mean() - table["f1"].astype(float).mean()
        )
        assert figures["exact"]["difference"] <= 0
        assert facts["changes"]["ways"] == []
        assert {one["by"] for one in facts["slices"]} <= {"category", "answer"}
        assert "## Exact match by slice" in comparison_markdown(facts)


class TestRefusals:
    def test_runs_that_do_not_fit_each_other(self, runs, tmp_path):
        weak, better, _ = runs

        def renamed(table):
            return table.assign(id="other-" + table["id"])

        def relabelled(table):
            return table.assign(gold=table["gold"].where(table.index != 3, LABELS[table["gold"][3] == LABELS[0]]))

        with pytest.raises(InputError, match="share no row: ids such as 'report-"):
            compare_runs(weak, copy_of(better, tmp_path / "renamed", renamed))
        with pytest.raises(InputError, match="1 of 240 rows have another true class in the second run"):
            compare_runs(weak, copy_of(better, tmp_path / "relabelled", relabelled))
        fewer = copy_of(better, tmp_path / "fewer", lambda table: table.iloc[:100])
        facts = compare_runs(weak, fewer, n_resamples=100)
        assert (facts["rows"], facts["left_out"]) == (100, [140, 0])
        assert "Not compared: 140 rows of the first alone, 0 of the second alone." in comparison_markdown(facts)
        twice = copy_of(better, tmp_path / "twice", lambda table: pd.concat([table, table.iloc[:1]]))
        with pytest.raises(InputError, match="has an id more than once"):
            compare_runs(weak, twice)

    def test_other_classes_kinds_and_data(self, runs, tmp_path):
        weak, better, _ = runs
        task = {"label_names": ["a", "b"], "problem_type": "single_label_classification"}
        other = copy_of(better, tmp_path / "classes", facts=lambda facts: facts | {"task": task})
        with pytest.raises(InputError, match="the classes differ: Death, Injury, Malfunction in .*; a, b in|a, b in"):
            compare_runs(weak, other)
        task = {"label_names": LABELS, "problem_type": "multi_label_classification", "kind": "multi_label"}
        other = copy_of(better, tmp_path / "kind", facts=lambda facts: facts | {"task": task})
        with pytest.raises(InputError, match="has labels of kind multi_label; compare takes runs that sort texts"):
            compare_runs(weak, other)
        with pytest.raises(
            InputError, match="240 of 240 rows are not in .*give the data that the runs were trained on"
        ):
            compare_runs(weak, better, save_reports(tmp_path / "other", start=1000))
        with pytest.raises(InputError, match="is not a finished run"):
            compare_runs(weak, tmp_path / "nowhere")
