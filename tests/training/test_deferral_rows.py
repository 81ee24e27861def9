"""The rows a policy is fitted on: out of fold, with votes, and with the features that the shipped model reads."""

import numpy as np
import pytest
import torch
from votes_files import padded, policy_rows

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.experts import Vote, read_votes
from secondopinion.modeling.deferral_policies import PolicyHead
from secondopinion.scoring.engine import load_classifier
from secondopinion.training.asking import run_data
from secondopinion.training.deferral_recipe import DeferralSpec
from secondopinion.training.deferral_rows import check_run, gather_rows, token_counts, vote_classes, vote_costs
from secondopinion.training.report import read_predictions

NAMES = ["no", "yes"]


def test_votes_are_put_beside_the_rows_by_id():
    votes = [
        Vote("c", "panel", "yes", cost_usd=0.5),
        Vote("a", "panel", "no"),
        Vote("b", "panel", None, error="not_json", cost_usd=0.25),
    ]
    assert vote_classes(votes, ["a", "b", "c", "d"], NAMES).tolist() == [0, -1, 1, -1]
    assert vote_costs(votes, ["a", "b", "c", "d"]).tolist() == [0.0, 0.25, 0.5, 0.0]


def test_token_counts_weigh_as_the_policy_does():
    _, encoded = policy_rows(20)
    head = PolicyHead(1, 2, vocab_size=21)
    torch.nn.init.normal_(head.tokens.weight)
    with torch.no_grad():
        ids, mask = padded(encoded)
        whole, dense = head(torch.zeros(20, 1), ids, mask), head.dense(torch.zeros(20, 1))
    counted = token_counts(encoded, 21) @ head.tokens.weight.detach().numpy()
    assert counted == pytest.approx((whole - dense).numpy(), abs=1e-5)


@pytest.fixture(scope="module")
def panel(deferral_template):
    return read_votes(deferral_template / "panel.csv").rows


def gathered(run, root, spec, **votes):
    return gather_rows(run, run_data(run, root / "reports"), votes, spec)


def test_rows_are_the_runs_own_out_of_fold_predictions(deferral_template, panel):
    run = RunFolder.open(deferral_template / "run")
    novice = read_votes(deferral_template / "novice.csv").rows
    rows = gathered(run, deferral_template, DeferralSpec(), panel=panel, novice=novice[:300])
    table = read_predictions(run).set_index("id").loc[rows.ids]
    assert set(rows.ids) == {vote.id for vote in novice[:300]}
    assert rows.fold.tolist() == table["fold"].tolist()
    assert [rows.label_names[i] for i in rows.gold] == table["gold"].tolist()
    shares = torch.softmax(torch.from_numpy(rows.logits), -1).numpy()
    assert np.abs(shares - np.stack(table["probabilities"])).max() < 1e-5
    assert rows.expert_names == ["panel", "novice"]
    said = {vote.id: vote.label for vote in novice}
    ours = [None if vote < 0 else rows.label_names[vote] for vote in rows.votes[:, 1]]
    assert ours == [said[identifier] for identifier in rows.ids]
    assert (rows.votes == -1).any()
    assert (rows.call_costs == 0.001).all()
    assert [int(i[1:]) // 2 for i in rows.ids] == [int(group[1:]) for group in rows.groups]
    part = rows.take(np.array([4, 2]))
    assert part.ids.tolist() == rows.ids[[4, 2]].tolist()
    assert np.array_equal(part.tokens.toarray(), rows.tokens.toarray()[[4, 2]])


@pytest.mark.parametrize(
    "spec",
    [DeferralSpec(), DeferralSpec(embedding=True, mc_dropout_samples=2, token_weights=False)],
    ids=["signals and traits", "embedding and dropout"],
)
def test_features_are_those_that_the_published_model_reads(deferral_template, panel, spec):
    from secondopinion.modeling import DeferralForSequenceClassification

    run = RunFolder.open(deferral_template / "run")
    rows = gathered(run, deferral_template, spec, panel=panel)
    chosen = np.flatnonzero(rows.fold == run.selected_fold)[:40]
    assert (len(rows) == 160) == spec.embedding
    classifier, tokenizer = load_classifier(run.fold_folder(run.selected_fold))
    model = DeferralForSequenceClassification.from_classifier(
        classifier.cpu(),
        tokenizer,
        policy="selective",
        signals=spec.signals,
        traits=spec.traits,
        embedding=spec.embedding,
        mc_dropout_samples=spec.mc_dropout_samples,
    ).eval()
    data = run_data(run, deferral_template / "reports")
    place = {identifier: i for i, identifier in enumerate(data.ids.tolist())}
    texts = data.texts(np.array([place[identifier] for identifier in rows.ids[chosen]]))
    batch = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        features = model.read(batch["input_ids"], batch["attention_mask"])[2].numpy()
    stable = [i for i, name in enumerate(rows.feature_names) if not name.startswith("dropout")]
    assert features.shape[1] == len(rows.feature_names)
    assert np.abs(features - rows.features[chosen])[:, stable].max() < 1e-4
    assert (rows.tokens is None) == spec.embedding
    if spec.mc_dropout_samples:
        assert rows.features[:, rows.feature_names.index("dropout_mutual_information")].max() > 0


def test_rows_that_nobody_was_asked_about_are_no_rows(deferral_template, panel):
    run = RunFolder.open(deferral_template / "run")
    with pytest.raises(InputError, match=r"no out-of-fold row .* has a vote of every expert \(panel, other\)"):
        gathered(run, deferral_template, DeferralSpec(), panel=panel[:5], other=panel[5:9])


def test_in_sample_predictions_are_refused(deferral_run, deferral_template, panel):
    table = read_predictions(deferral_run)
    table["fold"] = table["fold"] % 3 + 1
    table.to_parquet(deferral_run.predictions_file)
    with pytest.raises(InputError, match="480 of 480 predictions are in-sample"):
        gathered(deferral_run, deferral_template, DeferralSpec(), panel=panel)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"kind": "tfidf"}}, r"it can be the expert: experts: \[\{kind: run, name: tiny"),
        ({"calibration": None}, "records no calibration; train again"),
    ],
)
def test_runs_that_cannot_defer_say_why(deferral_run, change, message):
    write_json(deferral_run.facts_file, {**read_json(deferral_run.facts_file), **change})
    with pytest.raises(InputError, match=message):
        check_run(deferral_run)


def test_the_rightness_of_answers_follows_the_losses():
    rows, _ = policy_rows(40)
    losses = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]])
    classifier, experts = rows.rightness(losses)
    for i in range(40):
        own = rows.logits[i].argmax()
        second = own if rows.votes[i, 0] < 0 else rows.votes[i, 0]
        assert classifier[i] == pytest.approx(1 - losses[rows.gold[i], own] / 4)
        assert experts[i, 0] == pytest.approx(1 - losses[rows.gold[i], second] / 4)
