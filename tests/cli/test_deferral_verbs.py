"""`ask`, `defer` and `evaluate` as a person types them."""

import re
import shutil

import pandas as pd
import pytest
from chat_server import ChatServer, Fault
from tiny_encoder import report_classes, save_reports
from typer.testing import CliRunner
from votes_files import save_votes, trained_run

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.run_folder import RunFolder
from secondopinion.experts import read_votes

ROWS = 480


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return trained_run(tmp_path_factory)


@pytest.fixture
def run(template, tmp_path):
    return RunFolder(shutil.copytree(template / "run", tmp_path / "run"))


@pytest.fixture(scope="module")
def server(template):
    """A language model that knows every report."""
    table = pd.read_parquet(template / "reports" / "train.parquet")
    known = dict(zip(table["text"], report_classes(ROWS).tolist(), strict=True))
    with ChatServer(model=known.__getitem__) as running:
        yield running


def secondopinion(*arguments):
    """Return what a command prints; what is wrong with the input is raised, as `main` expects."""
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer


def test_from_asking_to_evaluating(run, server, tmp_path):
    server.faults.append(Fault("say", pattern="died", first=4, times=3, content="Unclear."))
    asking = ("ask", run.path, "--model", "org/chat", "--base-url", server.url)
    part = secondopinion(*asking, "--limit", 20)
    assert re.search(r"chat: 20 votes, \d+ of them usable · .*chat.parquet", part.stdout)
    shown = secondopinion(*asking, "--price-input", 1, "--price-output", 2, "--spending-cap", 1)
    assert re.search(rf"chat: {ROWS} votes, \d+ of them usable, \$0\.\d+ · ", shown.stdout)
    assert max(server.asked.values()) == 1
    votes = read_votes(run.votes_folder / "chat.parquet")
    assert {vote.label for vote in votes.rows} == {"Death", "Injury", "Malfunction", "Other", None}

    deferred = secondopinion("defer", run.path, "--budget", 0.3, "--policy", "selective", "--certify-risk", 0.5)
    section = run.facts["deferral"]
    assert [entry["name"] for entry in section["policy"]["candidates"]] == ["selective"]
    assert (section["threshold"]["rule"]["budget"], section["certificate"]["level"]) == (0.3, 0.5)
    assert (section["experts"][0]["name"], section["experts"][0]["kind"]) == ("chat", "llm")
    assert server.url not in run.facts_file.read_text()
    figures = section["figures"]
    for words in (
        f"deferred: {figures['deferred_rows']} of {ROWS} rows",
        f"{figures['system']['accuracy']:.3f}",
        "threshold of the published model:",
        "system − classifier alone:",
        f"run folder: {run.path}",
    ):
        assert words in deferred.stdout
    assert figures["system"]["accuracy"] > figures["classifier"]["accuracy"]

    again = secondopinion("evaluate", run.path)
    table = deferred.stdout.split("\n\n")[0]
    assert table in again.stdout
    assert "macro F1" in again.stdout.split(table)[0]
    assert '"deferral"' in secondopinion("evaluate", run.path, "--json").stdout

    save_reports(tmp_path / "other", 60, seed=5)
    other = pd.read_parquet(tmp_path / "other" / "train.parquet")
    gold = report_classes(60, 5).tolist()
    other = other.assign(id="n" + other["id"], group="n" + other["group"], label=gold)
    other.to_parquet(tmp_path / "other" / "train.parquet")
    voted = save_votes(tmp_path / "chat.csv", other["id"].tolist(), gold)
    measured = secondopinion("evaluate", run.path, "--data", tmp_path / "other", "--votes", voted)
    assert "of 60 rows" in measured.stdout
    assert "expert chat" in measured.stdout


def test_options_and_the_recipe_reach_the_section(run, template, tmp_path):
    """Options are laid over the recipe's section; its price of a call counts where votes do not say theirs."""
    lines = (template / "panel.csv").read_text().splitlines()
    (tmp_path / "panel.csv").write_text("\n".join(",".join(line.split(",")[:3]) for line in lines))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: r\n"
        f"experts: [{{kind: recorded, name: panel, path: '{tmp_path / 'panel.csv'}', cost_per_call_usd: 0.5}}]\n"
        "deferral: {regularization: 0.5, seed: 7, threshold: {budget: 0.1}}\n"
    )
    shown = secondopinion(
        *("defer", run.path, "--config", recipe, "--missed", "Death=5", "--missed", "Injury=2"),
        *("--best-f1", "--budget", 0.5, "--mode", "high_probability", "--delta", 0.2, "--positive-label", "Death"),
        *("--certify-risk", 0.6, "--policy", "selective", "--policy", "compare_confidence", "--no-fallback"),
    )
    section = run.facts["deferral"]
    rule = section["threshold"]["rule"]
    assert (rule["kind"], rule["budget"], rule["mode"]) == ("best_f1", 0.5, "high_probability")
    assert (rule["delta"], rule["positive_label"]) == (0.2, "Death")
    assert section["losses"]["missed"] == {"Death": 5.0, "Injury": 2.0}
    assert section["losses"]["matrix"][0] == [0.0, 5.0, 5.0, 5.0]
    assert section["positive_label"] == "Death"
    assert section["certificate"]["level"] == 0.6
    assert section["certificate"]["delta"] == pytest.approx(0.2 / 3)
    assert {entry["name"] for entry in section["policy"]["candidates"]} == {"selective", "compare_confidence"}
    assert (section["policy"]["settings"]["regularization"], section["policy"]["settings"]["seed"]) == (0.5, 7)
    assert not section["fallback"]["used"]
    assert section["experts"][0]["cost_per_1000_usd"] == pytest.approx(500.0)
    assert section["figures"]["cost"]["per_1000"] == pytest.approx(500.0 * section["figures"]["deferral_rate"])
    assert "cost: $" in shown.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--cost-per-1000", 1, "--best-f1"),
        ("--best-f1", "--target-risk", 0.1),
        ("--cost-per-1000", 1, "--target-risk", 0.1),
    ],
)
def test_contradicting_options_exit_with_two(template, options):
    answer = secondopinion("defer", template / "run", *options)
    assert answer.exit_code == 2
    assert "give one of --cost-per-1000, --best-f1 and --target-risk" in re.sub(r"[\s│]+", " ", answer.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("defer", "RUN", "--budget", "1.5"), "budget"),
        (("defer", "RUN", "--budget", "0.1", "--mode", "sure"), "'sure'; known: expected, high_probability"),
        (("defer", "RUN", "--policy", "logistc"), "'logistc'; did you mean 'logistic'"),
        (("defer", "RUN", "--missed", "Deth=5", "--votes", "PANEL"), "no class 'Deth'; did you mean 'Death'"),
        (("defer", "RUN", "--missed", "Death=much"), "missed: Death: expected float, got 'much'"),
        (("defer", "RUN", "--positive-label", "Deth", "--votes", "PANEL"), "no class 'Deth'; did you mean 'Death'"),
        (("defer", "RUN"), "has no votes; collect them with: secondopinion ask"),
        (("defer", "nowhere"), "nowhere is not a finished run"),
        (("defer", "RUN", "--votes", "absent.csv"), "there is no file absent.csv; --votes names"),
        (("ask", "RUN"), "the recipe names no expert; add one to it"),
        (("ask", "RUN", "--model", "m"), "give base_url .* or provider"),
        (("ask", "RUN", "--model", "m", "--base-url", "ftp://x"), "base_url starts with http"),
        (
            ("ask", "RUN", "--model", "m", "--provider", "auto", "--allow-remote", "auto"),
            "do not let its text leave the machine",
        ),
        (
            ("ask", "RUN", "--model", "m", "--base-url", "https://api.example.com/v1"),
            "is outside this machine and the recipe does not allow it",
        ),
        (("ask", "RUN", "--model", "m", "--base-url", "URL", "--probabilities", "all"), "'all'; known: logprobs"),
        (("ask", "RUN", "--model", "m", "--base-url", "URL", "--spending-cap", "1"), "a spending cap needs a price"),
        (("ask", "RUN", "--model", "m", "--base-url", "URL", "--limit", "0"), "limit is 0"),
        (("evaluate", "RUN", "--votes", "PANEL"), "votes belong to other data; give it with --data"),
    ],
)
def test_wrong_input_says_what_to_do(run, template, server, arguments, message):
    names = {"RUN": run.path, "PANEL": template / "panel.csv", "URL": server.url}
    before = run.facts
    with pytest.raises(InputError, match=message):
        secondopinion(*(names.get(word, word) for word in arguments))
    assert run.facts == before
    assert not run.system_folder.exists()


def test_a_missed_class_without_a_factor_exits_with_two(template):
    answer = secondopinion("defer", template / "run", "--missed", "Death")
    assert answer.exit_code == 2
    assert "Death" in answer.stderr
    assert "=" in answer.stderr


@pytest.mark.parametrize("verb", ["ask", "defer", "evaluate"])
def test_help_shows_an_example(verb):
    shown = secondopinion(verb, "--help")
    assert shown.exit_code == 0
    assert f"secondopinion {verb} runs/" in shown.stdout
