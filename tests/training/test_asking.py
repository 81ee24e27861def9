"""`ask`: every kind of expert on a tiny run, once and resumable, and votes that fit before `defer` reads them."""

import dataclasses
import hashlib

import pytest
from chat_server import ChatServer, Fault
from tiny_encoder import CLASSES, save_reports

from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.experts import ReviewQueue, read_votes, write_votes
from secondopinion.experts.asking import ExpertStopped, SpendingCapReached
from secondopinion.training import ask, load_recipe
from secondopinion.training.asking import run_data, stated_recipe, votes_of_run
from secondopinion.training.deferral_recipe import (
    LlmExpertSpec,
    ModelExpertSpec,
    PersonExpertSpec,
    PriceSpec,
    RecordedExpertSpec,
    RunExpertSpec,
)
from secondopinion.training.report import read_predictions


def reader(text):
    """The language model: it reads the words."""
    return "Death" if "died" in text else "Injury" if "hospital" in text else "Other"


@pytest.fixture
def server():
    with ChatServer(model=reader) as running:
        yield running


def chat(server, **settings):
    return LlmExpertSpec(**{"name": "chat", "model": "org/tiny", "base_url": server.url, "max_retries": 0, **settings})


def texts_by_id(run):
    data = run_data(run)
    return dict(zip(data.ids.tolist(), data.texts(), strict=True))


def test_a_language_model_is_asked_once_and_the_same_rows_come_first(deferral_run, server):
    first = ask(deferral_run, specs=[chat(server)], limit=12)["chat"]
    assert (first["asked"], first["usable"], first["cost_usd"]) == (12, 12, None)
    assert first["path"] == deferral_run.votes_folder / "chat.parquet"
    texts, votes = texts_by_id(deferral_run), read_votes(first["path"])
    chosen = sorted(texts, key=lambda i: hashlib.sha1(i.encode()).hexdigest())[:12]
    assert [vote.id for vote in votes.rows] == chosen
    assert all(vote.label == reader(texts[vote.id]) and vote.expert == "chat" for vote in votes.rows)
    assert (votes.facts["kind"], votes.facts["model"], votes.facts["remote"]) == ("llm", "org/tiny", False)
    assert votes.facts["dataset_fingerprint"] == deferral_run.facts["dataset"]["fingerprint"]
    assert server.url not in str(votes.facts)
    asked = server.asked.total()
    more = ask(deferral_run, specs=[chat(server)], limit=20)["chat"]
    assert {vote.id for vote in votes.rows} < {vote.id for vote in read_votes(more["path"]).rows}
    assert server.asked.total() <= asked + 8
    assert max(server.asked.values()) == 1


def test_the_recipe_in_run_json_asks_where_the_recipe_said(deferral_run, server):
    """run.json keeps no address of this machine; local.json does."""
    entry = {"kind": "llm", "name": "chat", "model": "org/tiny", "base_url": server.url}
    recipe = load_recipe({**deferral_run.facts["recipe"], "experts": [entry]})
    write_json(deferral_run.facts_file, {**deferral_run.facts, "recipe": recipe.as_dict()})
    deferral_run.write_local({**deferral_run.local, "experts": {"chat": {"base_url": server.url}}})
    assert "http" not in str(deferral_run.facts["recipe"])
    assert stated_recipe(deferral_run).experts[0].base_url == server.url
    assert ask(deferral_run, ["chat"], limit=3)["chat"]["usable"] == 3


def test_another_runs_predictions_are_votes(deferral_run, deferral_template):
    spec = RunExpertSpec(name="twin", path=str(deferral_template / "run"))
    assert ask(deferral_run, specs=[spec])["twin"]["asked"] == 480
    votes = {vote.id: vote for vote in read_votes(deferral_run.votes_folder / "twin.parquet").rows}
    table = read_predictions(deferral_run)
    assert [votes[identifier].label for identifier in table["id"]] == table["label"].tolist()
    assert votes["r7"].probabilities == pytest.approx(table.set_index("id").loc["r7", "probabilities"])


def test_recorded_votes_are_taken_by_name(deferral_run, votes_of, tmp_path):
    """A file may hold several experts; rows without a vote are left out."""
    panel, novice = (read_votes(path).rows for path in votes_of("panel", "novice"))
    write_votes(tmp_path / "both.csv", [*panel[:40], *novice])
    asked = ask(deferral_run, specs=[RecordedExpertSpec(name="panel", path=str(tmp_path / "both.csv"))])["panel"]
    assert asked["asked"] == 40
    assert asked["cost_usd"] == pytest.approx(0.04)
    assert [vote.expert for vote in read_votes(asked["path"]).rows] == ["panel"] * 40
    with pytest.raises(InputError, match="the votes are of 2 experts: novice, panel; 'other' is not among them"):
        ask(deferral_run, specs=[RecordedExpertSpec(name="other", path=str(tmp_path / "both.csv"))])


def test_a_classifier_is_asked_on_this_machine(deferral_run):
    folder = deferral_run.fold_folder(1)
    spec = ModelExpertSpec(name="fold one", model=str(folder))
    asked = ask(deferral_run, specs=[spec], limit=30)["fold one"]
    votes = read_votes(asked["path"])
    assert asked["usable"] == 30
    own = read_predictions(deferral_run).query("fold == 1").set_index("id")["label"]
    assert all(vote.label == own[vote.id] for vote in votes.rows if vote.id in own.index)
    assert str(folder.parent) not in str(votes.facts)


def test_a_person_answers_in_the_queue(deferral_run, tmp_path):
    spec = PersonExpertSpec(name="ann", queue=str(tmp_path / "queue"))
    waiting = ask(deferral_run, specs=[spec], limit=4)["ann"]
    assert (waiting["asked"], waiting["usable"]) == (0, 0)
    queue = ReviewQueue(tmp_path / "queue")
    row = queue.next("Ann B.")
    queue.answer(row.id, "Injury", "Ann B.")
    assert texts_by_id(deferral_run)[row.id] == row.text
    answered = ask(deferral_run, specs=[spec], limit=4)["ann"]
    (vote,) = read_votes(answered["path"]).rows
    assert (vote.id, vote.label, vote.answered_by, vote.expert) == (row.id, "Injury", "Ann B.", "ann")
    assert vote.answered_at


def test_only_rows_that_are_deferred_are_asked_about(deferring, deferral_run, tmp_path):
    with pytest.raises(InputError, match="defers nothing yet; make it a deferring system first"):
        ask(deferral_run, specs=[PersonExpertSpec()], only_deferred=True)
    table = read_predictions(deferring[0])
    table.to_parquet(deferral_run.predictions_file)
    spec = PersonExpertSpec(queue=str(tmp_path / "queue"))
    ask(deferral_run, specs=[spec], only_deferred=True)
    waiting = ReviewQueue(tmp_path / "queue").pending()
    assert set(waiting) == set(table[table["deferred"].astype(bool)]["id"]) != set()
    table.assign(deferred=False).to_parquet(deferral_run.predictions_file)
    assert ask(deferral_run, specs=[spec], only_deferred=True)["person"]["asked"] == 0


def test_a_spending_cap_keeps_what_was_answered_and_more_money_completes_it(deferral_run, server):
    spec = chat(server, prices=PriceSpec(10.0, 10.0), spending_cap_usd=0.02, concurrency=2)
    with pytest.raises(SpendingCapReached, match=r"of at most \$0.0200 is spent.*raise spending_cap_usd"):
        ask(deferral_run, specs=[spec], limit=40)
    path = deferral_run.votes_folder / "chat.parquet"
    kept = read_votes(path).rows
    assert 0 < len(kept) < 40
    assert sum(vote.cost_usd for vote in kept) <= 0.02
    paid = server.answered.total()
    done = ask(deferral_run, specs=[dataclasses.replace(spec, spending_cap_usd=1.0)], limit=40)["chat"]
    assert (done["asked"], done["usable"]) == (40, 40)
    assert max(server.answered.values()) == 1
    assert server.answered.total() > paid
    assert sum(vote.cost_usd for vote in kept) < done["cost_usd"] <= sum(v.cost_usd for v in read_votes(path).rows)


@pytest.mark.parametrize(
    ("fault", "settings", "message"),
    [
        (Fault(401, first=9), {}, "the key was refused"),
        (Fault("drop", first=9), {}, "questions in a row failed"),
        (Fault("hang", first=9), {"timeout_s": 0.1}, "questions in a row failed"),
    ],
    ids=["refused key", "down", "hanging"],
)
def test_an_endpoint_that_fails_half_way_keeps_its_answers(deferral_run, server, fault, settings, message):
    server.faults.append(fault)
    with pytest.raises(ExpertStopped, match=f"{message}.*answers are kept in"):
        ask(deferral_run, specs=[chat(server, concurrency=1, **settings)], limit=30)
    path = deferral_run.votes_folder / "chat.parquet"
    assert len(read_votes(path).rows) == 9
    server.faults.clear()
    assert ask(deferral_run, specs=[chat(server)], limit=30)["chat"]["usable"] == 30
    assert max(server.answered.values()) == 1


def test_answers_that_change_their_form_are_counted_and_refused_where_none_is_usable(deferral_run, server, votes_of):
    server.faults.append(Fault("say", first=6, content="I would rather not say."))
    asked = ask(deferral_run, specs=[chat(server, concurrency=1)], limit=10)["chat"]
    assert (asked["asked"], asked["usable"]) == (10, 6)
    server.faults[:] = [Fault("say", content="Perhaps.")]
    ask(deferral_run, specs=[chat(server, name="mute", seed=1)], limit=5)
    with pytest.raises(InputError, match="none of the 5 votes of 'mute' is usable"):
        votes_of_run(deferral_run, load_recipe({"name": "r"}), run_data(deferral_run))


def test_an_endpoint_that_answers_nothing_writes_no_votes(deferral_run, server):
    server.faults.append(Fault(500))
    with pytest.raises(InputError, match=r"chat answered none of 3 rows: http_500 \(3\). Is the endpoint up"):
        ask(deferral_run, specs=[chat(server)], limit=3)
    assert not (deferral_run.votes_folder / "chat.parquet").exists()


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (False, "'api.example.com' is outside this machine and the recipe does not allow it"),
        (True, "do not let its text leave the machine"),
        (["api.example.com"], "do not let its text leave the machine"),
    ],
)
def test_text_that_may_not_leave_is_never_sent(deferral_run, server, allowed, message):
    assert not deferral_run.facts["dataset"]["policy"]["text_may_leave_machine"]
    spec = LlmExpertSpec(name="far", model="m", base_url="https://api.example.com/v1", allow_remote=allowed)
    with pytest.raises(InputError, match=message):
        ask(deferral_run, specs=[spec])
    assert list(deferral_run.votes_folder.iterdir()) == []


def test_votes_of_another_prompt_are_refused_until_asked_again(deferral_run, server):
    data, old = run_data(deferral_run), chat(server, prompt_texts={"user": "Old words: {text}"})
    new = dataclasses.replace(old, prompt_texts={"user": "New words: {text}"})
    ask(deferral_run, specs=[old], limit=6)
    recipe = load_recipe({"name": "r"})
    assert len(votes_of_run(deferral_run, recipe.replace(experts=[old]), data)["chat"].rows) == 6
    with pytest.raises(InputError, match="6 of 6 votes of 'chat' were asked with another prompt"):
        votes_of_run(deferral_run, recipe.replace(experts=[new]), data)
    ask(deferral_run, specs=[new], limit=6)
    assert len(votes_of_run(deferral_run, recipe.replace(experts=[new]), data)["chat"].rows) == 6


def test_the_price_of_a_call_counts_where_votes_do_not_say(deferral_run, tmp_path):
    (tmp_path / "panel.csv").write_text("id,label,cost_usd\nr1,Death,\nr2,Other,0.5\n")
    spec = RecordedExpertSpec(name="panel", path=str(tmp_path / "panel.csv"), cost_per_call_usd=0.25)
    recipe = load_recipe({"name": "r"}).replace(experts=[spec])
    rows = votes_of_run(deferral_run, recipe, run_data(deferral_run))["panel"].rows
    assert sorted(vote.cost_usd for vote in rows) == [0.25, 0.5]


@pytest.mark.parametrize(
    ("specs", "names", "message"),
    [
        ([], None, "the recipe names no expert; add one to it"),
        ([PersonExpertSpec(name="ann")], ["anne"], "the recipe names no expert 'anne'; did you mean 'ann'?"),
        ([LlmExpertSpec(base_url="http://127.0.0.1:1/v1")], None, "expert 'llm' of kind 'llm' lacks 'model'"),
        ([ModelExpertSpec()], None, "expert 'model' of kind 'model' lacks 'model'"),
        ([RecordedExpertSpec()], None, "expert 'recorded' of kind 'recorded' lacks 'path'"),
        ([RunExpertSpec()], None, "expert 'run' of kind 'run' lacks 'path'"),
        ([RunExpertSpec(path="nowhere")], None, "nowhere is not a finished run"),
        ([RecordedExpertSpec(path="nowhere.csv")], None, "nowhere.csv does not exist"),
        ([PersonExpertSpec(), PersonExpertSpec()], None, "two experts are called 'person'"),
    ],
)
def test_experts_that_cannot_be_asked(deferral_run, specs, names, message):
    with pytest.raises(InputError, match=message):
        ask(deferral_run, names, specs=specs)


def test_a_limit_of_nothing_is_refused(deferral_run):
    with pytest.raises(InputError, match="limit is 0; ask about 1 row or more"):
        ask(deferral_run, specs=[PersonExpertSpec()], limit=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"label_names": ["a", "b"]}}, r"has the classes \['a', 'b'\], not those of"),
        ({"dataset": {"fingerprint": "0"}}, "was trained on other data than"),
    ],
)
def test_a_run_of_other_rows_or_classes_is_no_expert(deferral_run, deferral_template, tmp_path, change, message):
    other = RunFolder(tmp_path / "other")
    other.path.mkdir()
    write_json(other.facts_file, {**read_json(deferral_template / "run" / "run.json"), **change})
    with pytest.raises(InputError, match=message):
        ask(deferral_run, specs=[RunExpertSpec(path=str(other.path))])


def test_data_that_is_gone_or_changed_is_asked_for(deferral_run, tmp_path):
    local = deferral_run.local
    deferral_run.write_local({})
    with pytest.raises(InputError, match="does not say where its data lies on this machine; give it with --data"):
        run_data(deferral_run)
    assert run_data(deferral_run, local["data"]).label_names == CLASSES
    deferral_run.write_local({"data": str(tmp_path / "moved")})
    with pytest.raises(InputError, match="is not a folder"):
        run_data(deferral_run)
    with pytest.raises(InputError, match="was trained on data with fingerprint .* Give the run's own data"):
        run_data(deferral_run, save_reports(tmp_path / "other", 480, seed=3))


def test_labels_made_from_an_experts_own_votes_are_no_gold_for_it(deferral_run, votes_of):
    data = run_data(deferral_run)
    facts = {"votes": {"experts": {"panel": {"counts": {"Death": 3}}, "novice": {"counts": None}}}}
    made = dataclasses.replace(data, facts=facts)
    recipe = load_recipe({"name": "r"})
    assert set(votes_of_run(deferral_run, recipe, made, votes_of("novice"))) == {"novice"}
    with pytest.raises(InputError, match="a consensus in which 'panel' voted.*leave_out=panel"):
        votes_of_run(deferral_run, recipe, made, votes_of("panel"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,label\nnobody,Death\n", "1 of 1 votes are for ids that the data set does not have"),
        ("id,label\nr1,Death\nr1,Other\n", "1 rows have more than one vote of the same expert"),
        ("id,label\nr1,Catastrophe\n", "votes have a label outside the classes: 'Catastrophe'"),
        ("id,label\nr1,\nr2,\n", "none of the 2 votes of 'votes' is usable"),
        ("id,said\nr1,Death\n", "lacks the column label"),
        ("", "lacks the columns id, label"),
    ],
)
def test_votes_that_do_not_fit_are_refused(deferral_run, tmp_path, content, message):
    (tmp_path / "votes.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        votes_of_run(deferral_run, load_recipe({"name": "r"}), run_data(deferral_run), [tmp_path / "votes.csv"])


def test_each_expert_is_given_once_and_files_must_be_there(deferral_run, votes_of, tmp_path):
    data, recipe = run_data(deferral_run), load_recipe({"name": "r"})
    with pytest.raises(InputError, match="holds votes of 'panel', and so does another file"):
        votes_of_run(deferral_run, recipe, data, votes_of("panel", "panel"))
    with pytest.raises(InputError, match="there is no file .*none.csv; --votes names"):
        votes_of_run(deferral_run, recipe, data, [tmp_path / "none.csv"])
    with pytest.raises(InputError, match="has no votes; collect them with: secondopinion ask"):
        votes_of_run(deferral_run, recipe, data)
    asked = recipe.replace(experts=[PersonExpertSpec(name="ann")])
    with pytest.raises(InputError, match="has no votes of ann; collect them with: secondopinion ask"):
        votes_of_run(deferral_run, asked, data)
