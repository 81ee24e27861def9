"""The surrogates: equal to their definitions, finite at huge logits, never without a gradient."""

import math

import pytest
import torch

from secondopinion.modeling.deferral_losses import (
    SURROGATES,
    asm_loss,
    ce_loss,
    deferral_score,
    ova_loss,
    rs_loss,
    surrogate_loss,
    two_stage_loss,
)

# Logits of three classes and one expert, the true class, how right the expert is.
CASES = [
    ([0.0, 0.0, 0.0, 0.0], 1, 1.0),
    ([1.0, -2.0, 0.5, 0.3], 0, 1.0),
    ([1.0, -2.0, 0.5, 0.3], 2, 0.0),
    ([-1.5, 3.0, 2.0, 4.0], 1, 0.4),
]
KINDS = [(kind, alpha) for kind, surrogate in SURROGATES.items() for alpha in surrogate.alphas or (1.0,)]


def naive(kind, g, y, e, alpha):
    """Each loss as it is printed, in Python's float64."""
    powers = [math.exp(value) for value in g]
    total, classes = sum(powers), len(g) - 1
    if kind == "ce":
        return -e * math.log(powers[-1] / total) - (alpha * e + 1 - e) * math.log(powers[y] / total)
    if kind == "rs":
        joint = -math.log((e * powers[-1] + powers[y]) / total)
        return alpha * joint - (1 - alpha) * math.log(powers[y] / sum(powers[:-1]))
    if kind == "ova":
        phi = [math.log(1 + math.exp(-value)) for value in g]
        phi_minus = [math.log(1 + math.exp(value)) for value in g]
        others = sum(phi_minus[k] for k in range(classes) if k != y)
        return phi[y] + others + phi_minus[-1] + e * (phi[-1] - phi_minus[-1])
    psi_d = powers[-1] / (total - max(powers[:-1]))
    return -math.log(powers[y] / sum(powers[:-1])) - e * math.log(psi_d) - (1 - e) * math.log(1 - psi_d)


@pytest.mark.parametrize(("kind", "alpha"), KINDS)
def test_each_loss_equals_its_definition(kind, alpha):
    scores = torch.tensor([case[0] for case in CASES])
    labels = torch.tensor([case[1] for case in CASES])
    right = torch.tensor([case[2] for case in CASES])
    expected = [naive(kind, *case, alpha) for case in CASES]
    each = surrogate_loss(kind, scores, labels, right, alpha, reduction="none")
    assert each.tolist() == pytest.approx(expected, abs=1e-6)
    assert surrogate_loss(kind, scores, labels, right, alpha).item() == pytest.approx(sum(expected) / 4, abs=1e-6)
    column = surrogate_loss(kind, scores, labels, right.unsqueeze(1), alpha, reduction="sum")
    assert column.item() == pytest.approx(sum(expected), abs=4e-6)


def test_numbers_worked_by_hand():
    """Logits ln 2, 0 for the classes and ln 3 for the expert: p = 2/6, 1/6, 3/6; the label is the first class."""
    scores, labels = torch.tensor([[math.log(2), 0.0, math.log(3)]]), torch.tensor([0])
    right, wrong = torch.tensor([1.0]), torch.tensor([0.0])
    assert ce_loss(scores, labels, right, alpha=0.5).item() == pytest.approx(1.2424533248940002, abs=1e-6)
    assert ce_loss(scores, labels, wrong, alpha=0.5).item() == pytest.approx(1.0986122886681098, abs=1e-6)
    assert rs_loss(scores, labels, right, alpha=0.5).item() == pytest.approx(0.2938933324510595, abs=1e-6)
    assert rs_loss(scores, labels, wrong, alpha=1.0).item() == pytest.approx(1.0986122886681098, abs=1e-6)
    # ln 3/2 + ln 2 + ln 4/3 = ln 4, and with the expert wrong ln 3/2 + ln 2 + ln 4 = ln 12
    assert ova_loss(scores, labels, right).item() == pytest.approx(1.3862943611198906, abs=1e-6)
    assert ova_loss(scores, labels, wrong).item() == pytest.approx(2.4849066497880004, abs=1e-6)
    # psi_y = 2/3 and psi_d = 3 / (6 - 2) = 3/4
    assert asm_loss(scores, labels, right).item() == pytest.approx(0.6931471805599453, abs=1e-6)
    assert asm_loss(scores, labels, wrong).item() == pytest.approx(1.791759469228055, abs=1e-6)


def test_two_stage_equals_its_definition():
    scores = torch.tensor([[0.0, math.log(2), math.log(5)], [1.0, -1.0, 0.5]])
    right, costs = torch.tensor([1.0, 0.0]), torch.tensor([[0.0, 1.0], [0.25, 0.1]])
    # First row: s = 1/8, 2/8, 5/8, so ln 8 + ln 4.
    powers = [math.exp(1.0), math.exp(-1.0), math.exp(0.5)]
    second = -0.75 * math.log(powers[1] / sum(powers)) - 0.9 * math.log(powers[2] / sum(powers))
    each = two_stage_loss(scores, right, costs, reduction="none")
    assert each.tolist() == pytest.approx([3.4657359027997265, second], abs=1e-6)
    assert two_stage_loss(scores, right, costs).item() == pytest.approx((3.4657359027997265 + second) / 2, abs=1e-6)


def test_an_expert_dearer_than_a_mistake_weighs_nothing():
    scores, right = torch.tensor([[0.3, -0.2]]), torch.tensor([1.0])
    dear, useless = (two_stage_loss(scores, right, torch.tensor([cost])) for cost in (1.5, 1.0))
    assert dear.item() == useless.item() > 0


def test_several_experts_in_ce_and_ova():
    """Verma et al. 2023: the softmax or the binary losses over K + J columns, one term for each right expert."""
    scores, labels, right = torch.tensor([[0.5, -1.0, 2.0, 0.1]]), torch.tensor([1]), torch.tensor([[1.0, 0.0]])
    powers = [math.exp(value) for value in (0.5, -1.0, 2.0, 0.1)]
    expected = -math.log(powers[1] / sum(powers)) - math.log(powers[2] / sum(powers))
    assert ce_loss(scores, labels, right).item() == pytest.approx(expected, abs=1e-6)
    without = -math.log(powers[2] / sum(powers))
    assert ce_loss(scores, labels, right, alpha=0.0).item() == pytest.approx(without, abs=1e-6)
    soft = [math.log(1 + math.exp(sign * value)) for sign, value in ((1, 0.5), (1, 1.0), (-1, 2.0), (1, 0.1))]
    assert ova_loss(scores, labels, right).item() == pytest.approx(sum(soft), abs=1e-6)


@pytest.mark.parametrize("kind", ["rs", "asm"])
def test_losses_for_one_expert_refuse_two(kind):
    with pytest.raises(ValueError, match="defined for one expert, not 2"):
        surrogate_loss(kind, torch.zeros(1, 4), torch.tensor([0]), torch.ones(1, 2))


def extreme(dtype, columns=4):
    signs = torch.cartesian_prod(*[torch.tensor([-1e4, 0.0, 1e4])] * columns)
    return signs.to(dtype).requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("right", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("kind", "alpha"), KINDS)
def test_huge_logits_stay_finite(kind, alpha, right, dtype):
    scores = extreme(dtype)
    labels = torch.arange(len(scores)) % 3
    loss = surrogate_loss(kind, scores, labels, torch.full((len(scores),), right), alpha)
    loss.backward()
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_logits_stay_finite_in_two_stages(dtype):
    scores = extreme(dtype, columns=3)
    rows = len(scores)
    loss = two_stage_loss(scores, torch.arange(rows) % 2.0, torch.rand(rows, 2))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("right", [0.0, 1.0])
@pytest.mark.parametrize(("kind", "alpha"), KINDS)
def test_a_zero_head_has_a_gradient(kind, alpha, right, dtype):
    head = torch.nn.Linear(5, 4).to(dtype)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    inputs = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    surrogate_loss(kind, head(inputs), torch.tensor([0, 1, 2, 0, 1, 2]), torch.full((6,), right), alpha).backward()
    assert head.weight.grad[:3].abs().max() > 0
    # Without the joint part (alpha 0) RS trains the classifier alone; CE asks only where the expert is right.
    asks = not (kind == "rs" and alpha == 0.0)
    assert (head.weight.grad[3].abs().max() > 0) == asks


def test_a_zero_head_has_a_gradient_in_two_stages():
    scores = torch.zeros(2, 3, requires_grad=True)
    two_stage_loss(scores, torch.tensor([1.0, 0.0]), torch.tensor([[0.5, 1.0], [0.0, 1.0]])).backward()
    assert (scores.grad.abs() > 0).all()


@pytest.mark.parametrize(("kind", "alpha"), KINDS)
def test_gradients_agree_with_finite_differences(kind, alpha):
    scores = torch.tensor([[0.4, -0.7, 1.1, 0.2], [1.0, 0.3, -2.0, 1.5]])
    labels, right = torch.tensor([2, 1]), torch.tensor([1.0, 0.3])
    moving = scores.clone().requires_grad_()
    surrogate_loss(kind, moving, labels, right, alpha).backward()
    for row in range(2):
        for column in range(4):
            step, ends = 1e-4, []
            for sign in (1, -1):
                moved = scores[row].double().tolist()
                moved[column] += sign * step
                ends.append(naive(kind, moved, labels[row].item(), right[row].item(), alpha))
            slope = (ends[0] - ends[1]) / (2 * step) / 2
            assert moving.grad[row, column].item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("kind", list(SURROGATES))
def test_unlabelled_rows_are_left_out(kind):
    scores = torch.tensor([[1.0, 2.0, 0.5], [9.0, -3.0, 2.0]], requires_grad=True)
    right = torch.tensor([1.0, 1.0])
    both = surrogate_loss(kind, scores, torch.tensor([0, -100]), right)
    alone = surrogate_loss(kind, scores[:1], torch.tensor([0]), right[:1])
    assert both.item() == alone.item()
    none = surrogate_loss(kind, scores, torch.tensor([-100, -100]), right)
    none.backward()
    assert none.item() == 0.0
    assert torch.equal(scores.grad, torch.zeros_like(scores))
    each = surrogate_loss(kind, scores, torch.tensor([-100, 1]), right, reduction="none")
    assert each[0] == 0
    assert each[1] > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("kind", "alpha"), KINDS)
def test_an_expert_without_a_usable_vote_is_left_out_of_the_row(kind, alpha, dtype):
    """The classes' part alone stays: their cross-entropy, for ova their binary cross-entropies."""
    scores = extreme(dtype)
    labels = torch.arange(len(scores)) % 3
    nobody = torch.full((len(scores), 1), -100.0)
    each = surrogate_loss(kind, scores, labels, nobody, alpha, reduction="none")
    classes = scores.detach().float()[:, :3]
    if kind == "ova":
        truth = torch.nn.functional.one_hot(labels, 3).float()
        options = {"reduction": "none"}
        expected = torch.nn.functional.binary_cross_entropy_with_logits(classes, truth, **options).sum(dim=1)
    else:
        expected = torch.nn.functional.cross_entropy(classes, labels, reduction="none")
    torch.testing.assert_close(each, expected)
    each.sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert not scores.grad[:, 3].any()


@pytest.mark.parametrize("kind", ["ce", "ova"])
def test_of_two_experts_the_one_that_voted_still_counts(kind):
    scores, labels = torch.tensor([[0.5, -1.0, 2.0, 0.1]]), torch.tensor([1])
    both = surrogate_loss(kind, scores, labels, torch.tensor([[1.0, -100.0]]), 0.5)
    one = surrogate_loss(kind, scores[:, :3], labels, torch.tensor([[1.0]]), 0.5)
    assert both.item() == pytest.approx(one.item(), abs=1e-7)


def naive_score(kind, g):
    powers, total = [math.exp(value) for value in g], sum(math.exp(value) for value in g)
    best = max(powers[:-1])
    if kind in ("ce", "rs"):
        return (powers[-1] - best) / total
    if kind == "ova":
        return 1 / (1 + math.exp(-g[-1])) - 1 / (1 + math.exp(-max(g[:-1])))
    return powers[-1] / (total - best) - best / sum(powers[:-1])


@pytest.mark.parametrize("kind", list(SURROGATES))
def test_scores_are_the_expected_gain(kind):
    scores = torch.tensor([case[0] for case in CASES])
    expected = [naive_score(kind, case[0]) for case in CASES]
    assert deferral_score(kind, scores, 3).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", list(SURROGATES))
def test_the_score_is_positive_exactly_where_the_paper_defers(kind, dtype):
    random = torch.randn(200, 4, generator=torch.Generator().manual_seed(1)) * 30
    close = torch.tensor([[20.0, 3.0, 1.0, 19.5], [20.0, 3.0, 1.0, 20.5], [-40.0, -50.0, -60.0, -39.0]])
    scores = torch.cat([extreme(torch.float32).detach(), random, close]).to(dtype)
    gained = deferral_score(kind, scores, 3)
    assert gained.dtype == torch.float32
    assert torch.isfinite(gained).all()
    assert gained.abs().max() <= 1
    assert torch.equal(gained > 0, scores[:, 3] > scores[:, :3].amax(dim=1))


def test_the_best_of_several_experts_counts():
    scores = torch.tensor([[0.0, -1.0, 2.0, -3.0], [5.0, -1.0, 2.0, 3.0]])
    assert (deferral_score("ce", scores, 2) > 0).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: surrogate_loss("hinge", torch.zeros(1, 3), torch.tensor([0]), torch.ones(1)), "unknown surrogate"),
        (lambda: deferral_score("hinge", torch.zeros(1, 3), 2), "known: ce, rs, ova, asm"),
        (lambda: deferral_score("ce", torch.zeros(1, 2), 2), "2 classes \\+ 1 or more experts"),
        (lambda: ce_loss(torch.zeros(2, 3), torch.tensor([0]), torch.ones(2)), "do not fit"),
        (lambda: ova_loss(torch.zeros(2, 3), torch.tensor([0, 1]), torch.ones(3)), "expected \\(batch, classes"),
        (lambda: ova_loss(torch.zeros(2, 3), torch.tensor([0, 1]), torch.ones(2, 2)), "do not fit"),
        (lambda: ce_loss(torch.zeros(1, 3), torch.tensor([0]), torch.ones(1), reduction="max"), "known: mean, sum"),
        (lambda: two_stage_loss(torch.zeros(2, 2), torch.ones(2), torch.ones(2, 2)), "1 \\+ experts"),
        (lambda: two_stage_loss(torch.zeros(2, 2), torch.ones(1), torch.ones(2)), "do not fit"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
