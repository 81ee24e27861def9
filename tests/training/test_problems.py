"""Kinds of problem: figures against scikit-learn, labels read from rows, strata, rules."""

import datasets
import numpy as np
import pytest
import sklearn.metrics as sk

from secondopinion.core.errors import InputError
from secondopinion.metrics.dragon.dragon import dragon_figures
from secondopinion.training.data import from_dataset
from secondopinion.training.folds import inner_split, make_folds
from secondopinion.training.problems import SingleLabel, problem_of_task
from secondopinion.training.problems.factors import Factors
from secondopinion.training.problems.multi_label import MultiLabel
from secondopinion.training.problems.regression import Regression
from secondopinion.training.recipe import DatasetSpec
from secondopinion.training.selection import SelectionRule

NAMES = ["a", "b", "c"]
SIDES, SIZES = ["left", "right"], ["small", "middle", "large"]


@pytest.fixture
def random():
    return np.random.default_rng(3)


def test_figures_of_several_labels_are_scikit_learns(random):
    labels, logits = random.integers(0, 2, (80, 3)), random.normal(size=(80, 3)).round(1)
    figures = MultiLabel(NAMES).figures(labels, logits)
    said = logits > 0
    for kind in ("macro", "micro", "weighted"):
        assert figures[f"{kind}_f1"] == pytest.approx(sk.f1_score(labels, said, average=kind))
    assert figures["auc"] == pytest.approx(sk.roc_auc_score(labels, logits))
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(labels, said))
    assert figures["per_class"]["b"]["recall"] == pytest.approx(sk.recall_score(labels[:, 1], said[:, 1]))


def test_an_unknown_label_is_not_measured(random):
    labels, logits = random.integers(0, 2, (60, 3)), random.normal(size=(60, 3))
    known = random.random(60) < 0.6
    labels[~known, 1] = -1
    figures = MultiLabel(NAMES).figures(labels, logits)
    assert figures["auc_b"] == pytest.approx(sk.roc_auc_score(labels[known, 1], logits[known, 1]))
    assert figures["per_class"]["b"]["f1"] == pytest.approx(sk.f1_score(labels[known, 1], logits[known, 1] > 0))
    assert figures["per_class"]["b"]["support"] == (labels[:, 1] == 1).sum()


def test_figures_of_factors_are_scikit_learns(random):
    labels = np.stack([random.integers(0, 2, 90), random.integers(0, 3, 90)], axis=1)
    labels[:10, 1] = -100
    logits = random.normal(size=(90, 5))
    figures = Factors(["side", "size"], [SIDES, SIZES]).figures(labels, logits)
    said = logits[10:, 2:].argmax(axis=1)
    truth = labels[10:, 1]
    assert figures["accuracy_size"] == pytest.approx(sk.accuracy_score(truth, said))
    assert figures["linear_kappa_size"] == pytest.approx(sk.cohen_kappa_score(truth, said, weights="linear"))
    assert figures["unweighted_kappa_size"] == pytest.approx(sk.cohen_kappa_score(truth, said))
    assert figures["per_class"]["size: large"]["f1"] == pytest.approx(sk.f1_score(truth == 2, said == 2))
    assert figures["linear_kappa"] == pytest.approx((figures["linear_kappa_side"] + figures["linear_kappa_size"]) / 2)
    both = (logits[:, :2].argmax(axis=1) == labels[:, 0]) & (
        (logits[:, 2:].argmax(axis=1) == labels[:, 1]) | (labels[:, 1] < 0)
    )
    assert figures["accuracy"] == pytest.approx(both.mean())


def test_figures_of_numbers_are_scikit_learns(random):
    labels = random.normal(5, 2, (70, 2))
    logits = labels + random.normal(0, 1, (70, 2))
    labels[:20, 1] = np.nan
    figures = Regression(["x", "y"], epsilon=0.4).figures(labels, logits)
    truth, said = labels[20:, 1], logits[20:, 1]
    assert figures["mae_y"] == pytest.approx(sk.mean_absolute_error(truth, said))
    assert figures["rmse_y"] == pytest.approx(sk.root_mean_squared_error(truth, said))
    assert figures["r2_y"] == pytest.approx(sk.r2_score(truth, said))
    assert figures["pearson_y"] == pytest.approx(np.corrcoef(truth, said)[0, 1])
    smape = np.mean(np.abs(truth - said) / (np.abs(truth) + np.abs(said) + 0.4))
    assert figures["r_smape_y"] == pytest.approx(1 - smape)
    assert figures["mae"] == pytest.approx((figures["mae_x"] + figures["mae_y"]) / 2)
    constant = Regression(["x"]).figures(np.full(5, 3.3), np.full((5, 1), 3.3))
    assert (constant["r2"], constant["pearson"], constant["mae"]) == (0.0, 0.0, 0.0)


def test_a_single_label_has_the_benchmarks_figures_where_asked(random):
    labels, logits = random.integers(0, 2, 90), random.normal(size=(90, 2))
    plain, asked = SingleLabel(["no", "yes"]), SingleLabel(["no", "yes"]).measuring("auc", "linear_kappa", "macro_f1")
    assert "auc" not in plain.figures(labels, logits)
    figures = asked.figures(labels, logits)
    assert figures["auc"] == pytest.approx(sk.roc_auc_score(labels, logits[:, 1] - logits[:, 0]))
    assert figures["linear_kappa"] == pytest.approx(
        sk.cohen_kappa_score(labels, logits.argmax(axis=1), weights="linear")
    )
    pooled = asked.out_of_fold(labels, logits, None, 100)
    low, high = pooled["intervals"]["auc"]
    assert low < pooled["auc"] < high
    assert {key: value for key, value in pooled.items() if key not in ("auc", "linear_kappa", "intervals")} == {
        key: value for key, value in plain.out_of_fold(labels, logits, None, 0).items()
    }


def test_intervals_are_of_groups_and_the_lift_is_paired(random):
    problem, truth = Regression(["x"]), random.normal(size=60)
    said = (truth + random.normal(0, 0.5, 60))[:, None]
    alone = problem.out_of_fold(truth, said, None, 400)["intervals"]["mae"]
    twice = problem.out_of_fold(np.repeat(truth, 2), np.repeat(said, 2, axis=0), np.repeat(np.arange(60), 2), 400)[
        "intervals"
    ]["mae"]
    assert twice[1] - twice[0] == pytest.approx(alone[1] - alone[0], rel=0.25)
    gain = problem.lift(truth, said, said + 1.0, None, 200)
    figures = [problem.figures(truth, each)["mae"] for each in (said, said + 1.0)]
    assert gain["mae"]["difference"] == pytest.approx(figures[0] - figures[1])
    assert gain["mae"]["low"] < gain["mae"]["high"] < 0


def test_one_temperature_calibrates_all_labels_and_all_factors(random):
    truth = random.normal(size=(400, 5))
    labels = (random.random((400, 5)) < 1 / (1 + np.exp(-truth))).astype(int)
    found = MultiLabel(list("abcde")).calibrate(labels, truth * 3, np.arange(400) % 4)
    assert found["temperature"] == pytest.approx(3, rel=0.25)
    assert found["ece"]["after"] < found["ece"]["before"]
    problem = Factors(["side", "size"], [SIDES, SIZES])
    shares = problem.probabilities(truth, 1.0)
    assert shares[:, 2:].sum(axis=1) == pytest.approx(np.ones(400))
    drawn = np.stack(
        [(random.random(400) < shares[:, 1]).astype(int), [random.choice(3, p=p / p.sum()) for p in shares[:, 2:]]], 1
    )
    assert problem.calibrate(drawn, truth * 3, np.arange(400) % 4)["temperature"] == pytest.approx(3, rel=0.25)
    assert Regression(["x"]).calibrate(truth[:, 0], truth[:, :1], np.ones(400)) is None


@pytest.mark.parametrize(
    "problem",
    [SingleLabel(NAMES), MultiLabel(NAMES), Factors(["side", "size"], [SIDES, SIZES]), Regression(["x"], epsilon=0.4)],
)
def test_run_json_makes_the_same_problem_again(problem):
    assert problem_of_task(problem.task()).task() == problem.task()
    with pytest.raises(InputError, match="data of a .* with z"):
        problem.align(MultiLabel(["z"]), np.zeros((1, 1)), "other")


def test_other_data_may_lack_classes_of_a_factor():
    model, other = Factors(["size"], [SIZES]), Factors(["size"], [["large", "small"]])
    assert model.align(other, np.array([[0], [1], [-100]]), "other").tolist() == [[2], [0], [-100]]
    with pytest.raises(InputError, match="does not know: size: middle"):
        other.align(model, np.array([[2]]), "other")


def column(values, feature=None, **facts):
    texts = [f"text {i}" for i in range(len(values))]
    rows = datasets.Dataset.from_dict({"text": texts, "label": values})
    if feature is not None:
        rows = rows.cast_column("label", feature)
    return from_dataset(rows, DatasetSpec(), name="d", facts=facts)


def test_labels_say_what_kind_of_problem_they_pose():
    assert isinstance(column([1.5, 2.0, 4.0]).problem, Regression)
    several = column([[1, 0], [None, 1], [0, 0]], label={"names": ["fever", "cough"]})
    assert several.labels.tolist() == [[1, 0], [-1, 1], [0, 0]]
    assert several.label_names == ["fever", "cough"]
    assert several.describe()["class_counts"] == {"fever": 1, "cough": 1}
    assert several.describe()["missing_labels"] == {"fever": 1}
    factors = column([["left", "large"], ["right", None], ["left", "small"]])
    assert factors.labels.tolist() == [[0, 0], [1, -100], [0, 1]]
    assert factors.label_names[2:] == ["label_2: large", "label_2: small"]
    ordered = column([["left", "large"]], label={"names": ["side", "size"], "factors": [SIDES, SIZES]})
    assert ordered.labels.tolist() == [[0, 2]]
    classes = datasets.List(datasets.ClassLabel(names=["no", "maybe", "yes"]))
    assert column([[0, 2], [1, 1]], classes).problem.sizes == [3, 3]
    numbers = column([[1.5, 2.0], [0.5, None]], metric={"figure": "r_smape_score", "epsilon": 0.4})
    assert numbers.problem.epsilon == 0.4
    assert np.isnan(numbers.labels[1, 1])
    asked = column(["no", "yes"], metric={"figure": "auc"})
    assert asked.problem.further == ("auc",)
    assert several.fingerprint != column([[1, 0], [0, 1], [0, 0]], label={"names": ["fever", "cough"]}).fingerprint


@pytest.mark.parametrize(
    ("values", "facts", "message"),
    [
        ([[1, 0], [1]], {}, "lists of 1 to 2 labels; give each row as many"),
        ([[1, 0], [0, 1]], {"label": {"names": ["one"]}}, "holds 2 labels a row, but the prepared data names 1"),
        ([[1, 0], [None, None]], {}, "1 rows have no label at all"),
        ([[1, None], [0, None]], {}, "label_2 is known in no row"),
        ([1.0, float("inf")], {}, "1 rows hold a number that is not finite"),
        ([["left", "x"], ["right", "x"]], {}, "label_2 has the one class x"),
        ([["up"], ["left"]], {"label": {"names": ["side"], "factors": [SIDES]}}, "1 rows a class that the prepared"),
    ],
)
def test_labels_that_cannot_be_learned(values, facts, message):
    with pytest.raises(InputError, match=message):
        column(values, **facts)


def test_rare_labels_and_large_numbers_are_in_every_fold(random):
    labels = (random.random((200, 3)) < [0.6, 0.3, 0.05]).astype(int)
    groups = [f"g{i // 2}" for i in range(200)]
    ids = [str(i) for i in range(200)]
    folds = make_folds(ids, MultiLabel(NAMES).strata(labels, groups, 5), groups)
    rare = [labels[held, 2].sum() for _, _, held in folds]
    assert max(rare) - min(rare) <= 3
    values = np.exp(random.normal(size=200))
    folds = make_folds(ids, Regression(["x"]).strata(values, None, 5), strategy="stratified")
    means = [np.log(values[held]).mean() for _, _, held in folds]
    assert max(means) - min(means) < 0.3
    for problem, own in ((MultiLabel(NAMES), labels), (Regression(["x"]), values)):
        training, validation = inner_split(problem.inner_strata(own, groups, 0.1), groups, 0.1, 13)
        assert len(training) + len(validation) == 200
    assert len(set(Regression(["x"]).strata(np.ones(20), None, 5))) == 1


@pytest.mark.parametrize(
    ("problem", "rule", "message"),
    [
        (Regression(["x"]), SelectionRule(), r"has no figure 'f1'; it has mae, .*metric: mae, label: null, mode: min"),
        (Regression(["x"]), SelectionRule("macro_f1", None), "a regression has no figure 'macro_f1'"),
        (Regression(["x"]), SelectionRule("mae", None), "mae is an error, the smaller the better; add mode: min"),
        (MultiLabel(NAMES), SelectionRule("linear_kappa", None), "multi-label classification has no figure"),
        (MultiLabel(NAMES), SelectionRule("f1", "bb"), "no label is called 'bb'; did you mean 'b'"),
        (SingleLabel(NAMES), SelectionRule("mae", None, "min"), "single-label classification has no figure 'mae'"),
    ],
)
def test_a_rule_that_the_problem_has_no_figure_for(problem, rule, message):
    with pytest.raises(InputError, match=message):
        problem.settle(rule, "selection")


def test_main_is_the_figure_of_the_data_or_of_the_problem():
    main = SelectionRule("main", None)
    assert Regression(["x"]).settle(main, "selection") == SelectionRule("mae", None, "min")
    assert Regression(["x"]).settle(main, "selection", "r_smape") == SelectionRule("r_smape", None, "max")
    assert SingleLabel(NAMES).settle(main, "selection", "auc").metric == "auc"
    assert MultiLabel(NAMES).settle(SelectionRule("auc"), "selection").label is None


def test_the_benchmarks_own_figures_are_these(random):
    truth, logits = random.integers(0, 2, (70, 3)), random.normal(size=(70, 3))
    shares = (1 / (1 + np.exp(-logits))).tolist()
    several = dragon_figures(shares, truth.tolist(), "multi_label_binary_classification", average="macro")
    assert MultiLabel(NAMES).figures(truth, logits)["auc"] == pytest.approx(several["score"])
    gold = random.integers(0, 3, 70)
    said = [NAMES[each] for each in logits.argmax(axis=1)]
    ordered = dragon_figures(
        said, [NAMES[each] for each in gold], "single_label_multi_class_classification", ordinal=True, labels=NAMES
    )
    figures = SingleLabel(NAMES).measuring("linear_kappa").figures(gold, logits)
    assert figures["linear_kappa"] == pytest.approx(ordered["score"])
    numbers = dragon_figures(logits.tolist(), truth.tolist(), "multi_label_regression", average="macro", epsilon=0.4)
    assert Regression(NAMES, 0.4).figures(truth, logits)["r_smape"] == pytest.approx(numbers["score"])
