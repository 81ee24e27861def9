"""An ablation: factors, variants, trainings in processes of their own, paired figures, what a killed one keeps."""

import json
import shutil

import numpy as np
import psutil
import pytest
from tiny_encoder import save_encoder, save_reports

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder, local_paths
from secondopinion.metrics.intervals import paired_differences
from secondopinion.model_cards import push_run
from secondopinion.training import load_recipe
from secondopinion.training.ablation import ablate, ablation_markdown, factors_of, variants_of
from secondopinion.training.ablation.factors import changed_recipe, parse_factors, read_factors
from secondopinion.training.ablation.figures import NAMES, mcnemar, variant_differences, variant_figures
from secondopinion.training.ablation.one_run import main as train_one
from secondopinion.training.ablation.one_run import peak_memory_mb
from secondopinion.training.ablation.runs import train_variants
from secondopinion.training.ablation.variants import FULL, Variant
from secondopinion.training.data import load_data
from secondopinion.training.recipe import DatasetSpec

pytestmark = pytest.mark.slow

ENCODER = {
    "name": "long",
    "model": {
        "encoder": "tiny",
        "max_length": 1024,
        "long_context": "longformer",
        "processor": {"entities": True, "measurements": True, "abbreviations": False},
    },
    "training": {"learning_rate": 5e-6, "epochs": 8, "scheduler": "cosine"},
    "selection": {"metric": "macro_f1", "label": None},
}
WORDS = {
    "name": "words",
    "model": {"kind": "tfidf", "ngram_max": 1, "min_df": 1},
    "folds": {"n_splits": 2, "train": [1]},
    "selection": {"metric": "f1", "label": "Other"},
    "resamples": 100,
}
FACTORS = {"letters": {"model.char_ngram_max": [0, 4]}, "strength": {"model.regularization": [1.0, 0.01]}}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    return save_reports(tmp_path_factory.mktemp("reports"), rows=120)


@pytest.fixture(scope="module")
def finished(reports, tmp_path_factory):
    """An ablation of two factors together, and what it returned; not to be changed."""
    output = tmp_path_factory.mktemp("ablation") / "words"
    facts = ablate(load_recipe(WORDS), reports, output, factors=FACTORS, variants=["full"], length_split=12)
    return output, facts


class TestFactors:
    def test_only_what_differs_from_the_published_baseline_is_a_factor(self):
        factors = {factor.name: factor for factor in factors_of(load_recipe(ENCODER))}
        assert list(factors) == ["context", "learning-rate", "epochs", "scheduler", "entity-mask", "normalisation"]
        assert factors["learning-rate"].off == {"training.learning_rate": 1e-5}
        assert factors["entity-mask"].off == {"model.processor.entities": False}
        assert factors["context"].on == {"model.max_length": 1024}

    def test_a_mask_that_the_encoder_never_sees_is_no_factor(self):
        model = {**ENCODER["model"], "long_context": "extended_positions"}
        model["processor"] = {**model["processor"], "global_attention": False}
        names = [factor.name for factor in factors_of(load_recipe({**ENCODER, "model": model}))]
        assert "entity-mask" not in names
        assert "normalisation" in names

    def test_a_baseline_recipe_gives_its_own_values_and_the_rest_is_one_factor(self):
        training = {"learning_rate": 1e-4, "epochs": 8, "accumulation_steps": 8}
        plain = load_recipe({**ENCODER, "model": {"encoder": "tiny", "max_length": 256}, "training": training})
        factors = {factor.name: factor for factor in factors_of(load_recipe(ENCODER), plain)}
        assert factors["context"].off == {"model.max_length": 256}
        assert factors["learning-rate"].off == {"training.learning_rate": 1e-4}
        assert "epochs" not in factors
        assert factors["other-settings"].off == {"model.long_context": None, "training.accumulation_steps": 8}

    def test_variants_are_the_recipe_with_the_factors_on(self):
        recipe = load_recipe(ENCODER)
        variants = {
            one.name: one for one in variants_of(factors_of(recipe), ["single", "leave-one-out", "first-experiments"])
        }
        assert list(variants)[:2] == ["baseline", "context-only"]
        assert {"full", "without-context", "overfit-15-epochs"} <= set(variants)
        assert changed_recipe(recipe, variants["full"].changes) == recipe
        baseline = changed_recipe(recipe, variants["baseline"].changes)
        assert (baseline.model.max_length, baseline.training.epochs, baseline.training.scheduler) == (512, 5, "linear")
        assert (baseline.model.processor.entities, baseline.model.processor.measurements) == (False, False)
        alone = changed_recipe(recipe, variants["context-only"].changes)
        assert alone == baseline.replace(model={"max_length": 1024})
        without = changed_recipe(recipe, variants["without-context"].changes)
        assert without == recipe.replace(model={"max_length": 512})
        stress = changed_recipe(recipe, variants["overfit-15-epochs"].changes)
        assert (stress.training.epochs, stress.training.learning_rate, stress.model.max_length) == (15, 1e-5, 512)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["context"], r"write it as name=model\.max_length:1024"),
            (["a=model.max_length"], "write it as"),
            (["a=model.x:1", "a=model.y:2"], "'a' is given twice"),
        ],
    )
    def test_words_that_are_no_factor(self, words, message):
        with pytest.raises(InputError, match=message):
            parse_factors(words)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"seeds": {"folds.seed": 1}}, "'folds.seed' is no setting of the model or its training"),
            ({"a": {"model": 3}}, "is no setting"),
        ],
    )
    def test_rows_and_folds_are_no_factor(self, given, message):
        with pytest.raises(InputError, match=message):
            factors_of(load_recipe(ENCODER), given=given)

    def test_unknown_keys_and_variants_name_the_closest(self, tmp_path):
        with pytest.raises(InputError, match="'max_lenght'; did you mean 'max_length'"):
            changed_recipe(load_recipe(ENCODER), {"model.max_lenght": 3})
        with pytest.raises(InputError, match="did you mean 'context-only'"):
            variants_of(factors_of(load_recipe(ENCODER)), ["contxt-only"])
        with pytest.raises(InputError, match="no factor to switch"):
            factors_of(load_recipe(WORDS))
        path = tmp_path / "factors.yaml"
        path.write_text("- 3")
        with pytest.raises(InputError, match="holds no factors"):
            read_factors(path)
        path.write_text("context: {model.max_length: [512, 1024]}")
        assert read_factors(path) == {"context": {"model.max_length": [512, 1024]}}


class TestFigures:
    @pytest.fixture
    def answers(self):
        random = np.random.default_rng(0)
        gold = random.integers(0, 2, 80)
        flip = lambda share: np.where(random.random(80) < share, 1 - gold, gold)  # noqa: E731
        return gold, np.stack([flip(0.1), flip(0.2)]), np.stack([flip(0.3), flip(0.35), flip(0.4)])

    def test_of_one_seed_they_are_the_suite_s_own(self, answers):
        from sklearn.metrics import precision_recall_fscore_support

        gold, ours, theirs = answers
        groups = np.repeat(np.arange(40), 2)
        found = variant_differences(gold, ours[:1], theirs[:1], 1, 2, groups, n_resamples=300)
        known = paired_differences(
            gold, ours[0], theirs[0], ["accuracy", "precision_1", "recall_1", "f1_1"], groups=groups, n_resamples=300
        )
        for name, other in zip(NAMES, known.values(), strict=False):
            assert found[name]["difference"] == pytest.approx(other["difference"])
            # Cells are numbered in another order, so other resamples are drawn.
            assert found[name]["low"] == pytest.approx(other["low"], abs=0.03)
            assert found[name]["high"] == pytest.approx(other["high"], abs=0.03)
        figures = variant_figures(gold, ours[:1], None, 2, n_resamples=10)
        macro = precision_recall_fscore_support(gold, ours[0], average="macro")[:3]
        assert [figures[name]["mean"] for name in ("precision", "recall", "f1")] == pytest.approx(macro)
        assert figures["false_positives"]["mean"] == (gold != ours[0]).sum()

    def test_seeds_are_averaged_and_need_not_be_as_many(self, answers):
        gold, ours, theirs = answers
        found = variant_figures(gold, ours, 1, 2, n_resamples=50)
        accuracy = (ours == gold).mean(axis=1)
        assert found["accuracy"]["by_seed"] == pytest.approx(accuracy)
        assert found["accuracy"]["mean"] == pytest.approx(accuracy.mean())
        assert found["accuracy"]["std"] == pytest.approx(accuracy.std(ddof=1))
        assert found["false_positives"]["mean"] == pytest.approx(((ours == 1) & (gold == 0)).sum(axis=1).mean())
        difference = variant_differences(gold, ours, theirs, 1, 2, n_resamples=200)["accuracy"]
        assert difference["difference"] == pytest.approx(accuracy.mean() - (theirs == gold).mean())
        assert 0 < difference["low"] < difference["difference"] < difference["high"]

    def test_mcnemar_counts_rows_that_one_alone_gets_right(self):
        gold = np.zeros(12, dtype=int)
        found = mcnemar(gold, np.array([0] * 9 + [1] * 3), np.array([1] * 8 + [0] * 4))
        assert (found["only_variant_right"], found["only_baseline_right"]) == (8, 3)
        # 2 · P(at most 3 of 11 heads) of the binomial distribution, by hand: 2 · 232 / 2048.
        assert found["p_value"] == pytest.approx(464 / 2048)
        assert mcnemar(gold, gold, gold)["p_value"] == 1.0


class TestAblation:
    def test_every_variant_is_a_run_and_the_figures_are_of_their_predictions(self, finished):
        import pandas as pd

        output, facts = finished
        assert facts == read_json(output / "ablation.json")
        assert [one["name"] for one in facts["variants"]] == ["baseline", "full"]
        for one in facts["variants"]:
            table = pd.read_parquet(output / "runs" / one["runs"][0] / "predictions.parquet")
            found = one["slices"]["all"]["figures"]
            assert found["accuracy"]["mean"] == pytest.approx((table["gold"] == table["label"]).mean())
            wrong = (table["label"] == "Other") & (table["gold"] != "Other")
            assert found["false_positives"]["mean"] == wrong.sum()
            assert one["peak_memory_mb"][0] > 50
            assert one["seconds"][0] >= 0
        assert (facts["positive"], facts["length_unit"]) == ("Other", "words")
        sizes = facts["slice_rows"]
        assert sizes["short"] > 0
        assert sizes["long"] > 0
        assert sizes["short"] + sizes["long"] == sizes["all"] == facts["rows"]
        full = facts["variants"][1]
        assert full["changes"] == {"model.char_ngram_max": 4, "model.regularization": 0.01}
        assert {"only_variant_right", "only_baseline_right", "p_value", "p_holm"} == set(
            full["slices"]["all"]["mcnemar"]
        )
        assert not list(local_paths(facts))

    def test_the_table_and_the_plot(self, finished):
        output, facts = finished
        text = (output / "ablation.md").read_text()
        assert text == ablation_markdown(facts)
        assert "| baseline |" in text
        assert "## Texts above 12 words" in text
        assert "of class Other" in text
        assert (output / "plots" / "ablation.png").stat().st_size > 10_000

    def test_the_card_of_the_full_run_tells_of_it(self, finished, tmp_path):
        output, facts = finished
        push_run(output / "runs" / "full" / "seed-13", tmp_path / "published")
        card = (tmp_path / "published" / "README.md").read_text()
        assert "## What each piece brings" in card
        assert "full (this recipe)" in card
        f1 = facts["variants"][1]["slices"]["all"]["difference"]["f1"]
        assert f"{f1['difference']:+.3f} [{f1['low']:+.3f}, {f1['high']:+.3f}]" in card
        assert "(plots/ablation.png)" in card
        assert (tmp_path / "published" / "plots" / "ablation.png").is_file()
        push_run(output / "runs" / "baseline" / "seed-13", tmp_path / "other")
        assert "What each piece brings" not in (tmp_path / "other" / "README.md").read_text()

    def test_it_continues_keeps_what_is_finished_and_says_which_training_failed(
        self, finished, reports, tmp_path, capfd
    ):
        output = tmp_path / "copy"
        shutil.copytree(finished[0], output)
        shutil.rmtree(output / "runs" / "full")
        before = RunFolder(output / "runs" / "baseline" / "seed-13").facts_file.stat().st_mtime_ns
        broken = {**FACTORS, "rare": {"model.min_df": [1, 100_000]}}
        with pytest.raises(InputError, match=r"training of 'words' failed with exit code 1.* goes on from its last"):
            ablate(load_recipe(WORDS), reports, output, factors=broken, variants=["full"])
        assert "baseline, seed 13: already trained, kept" in capfd.readouterr().err
        assert RunFolder(output / "runs" / "baseline" / "seed-13").facts_file.stat().st_mtime_ns == before
        assert not list(output.rglob("*.job.json"))

    def test_other_recipes_and_other_data_are_refused(self, finished, reports, tmp_path):
        output = finished[0]
        other = {"letters": {"model.char_ngram_max": [0, 5]}, "strength": FACTORS["strength"]}
        with pytest.raises(InputError, match=r"trained with another recipe \(model: char_ngram_max\)"):
            ablate(load_recipe(WORDS), reports, output, factors=other, variants=["full"])
        more = save_reports(tmp_path / "more", rows=124)
        with pytest.raises(InputError, match="the data changed"):
            ablate(load_recipe(WORDS), more, output, factors=FACTORS, variants=["full"])
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "note.txt").write_text("x")
        with pytest.raises(InputError, match="something other than an ablation"):
            ablate(load_recipe(WORDS), reports, tmp_path / "mine", factors=FACTORS)
        with pytest.raises(InputError, match="did you mean 'Death'"):
            ablate(load_recipe(WORDS), reports, tmp_path / "new", factors=FACTORS, positive="Deth")
        with pytest.raises(InputError, match="an ablation takes plain classifiers"):
            ablate("clinical_qa_offline", reports, tmp_path / "qa")

    def test_an_encoder_trains_from_its_job_and_memory_is_recorded(self, reports, tmp_path, capfd):
        encoder = save_encoder(tmp_path / "encoder")
        recipe = {
            "name": "tiny",
            "model": {"encoder": str(encoder), "max_length": 16},
            "training": {"epochs": 1, "seed": 3, "monitor": {"metric": "main", "label": None}},
            "folds": WORDS["folds"],
            "selection": WORDS["selection"],
            "resamples": 20,
        }
        run, record = tmp_path / "runs" / "full" / "seed-3", tmp_path / "runs" / "full" / "seed-3.json"
        record.parent.mkdir(parents=True)
        job = {"data": str(reports), "output": str(run), "folds": [1], "record": str(record)}
        (tmp_path / "job.json").write_text(json.dumps({"recipe": recipe, **job}))
        record.write_text(json.dumps({"peak_memory_mb": 1e9, "device_peak_memory_mb": None}))
        train_one(tmp_path / "job.json")
        assert RunFolder.open(run).facts["recipe"]["training"]["seed"] == 3
        # Of a training that was continued, the highest mark of its processes counts.
        assert read_json(record)["peak_memory_mb"] == 1e9
        # The run names the figure that `main` stands for, and is the recipe's all the same.
        rows = load_data(DatasetSpec(str(reports)))
        train_variants(load_recipe(recipe), [Variant(FULL, (), {})], [3], rows, tmp_path, folds=[1])
        assert "full, seed 3: already trained, kept" in capfd.readouterr().err
        before, now = peak_memory_mb(), psutil.Process().memory_info().rss / 2**20
        block = np.ones(int((before - now + 300) * 2**17))
        assert peak_memory_mb() >= before + 200
        del block
