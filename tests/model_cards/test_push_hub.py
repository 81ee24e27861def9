"""Pushing over HTTP with the real client: one commit, whatever breaks, and a sentence for every refusal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_state import Blob
from huggingface_hub import CommitOperationAdd, HfApi, constants

from secondopinion.core.errors import InputError
from secondopinion.model_cards import push_run

REPO = "ann/severity"


@pytest.fixture
def token(hub):
    return hub.add_token("ann", organizations=("ward",))


def published(hub, repo_id=REPO, revision="main"):
    """Return what a push put there."""
    files = hub.state.repo(repo_id).files(revision)
    files.pop(".gitattributes")
    return files


def commits(hub, repo_id=REPO, revision="main"):
    return [commit.title for commit in hub.state.repo(repo_id).history(revision)]


def test_one_commit_holds_everything(hub, token, make_run, tmp_path):
    run = make_run()
    result = push_run(run, REPO, token=token)
    repo = hub.state.repo(REPO)
    head, first = repo.history("main")
    assert first.title == "initial commit"
    assert result.commit == head.oid
    assert result.url == f"{hub.url}/{REPO}/commit/{head.oid}"
    assert list(published(hub)) == list(result.files)
    assert head.tree["model.safetensors"].lfs
    assert not head.tree["config.json"].lfs
    selection = run.facts["selection"]
    assert (
        head.title
        == f"severity: fold {selection['fold']} of 5, selected for the highest F1 of Death ({selection['value']:.4f})"
    )
    assert selection["reason"] in head.description
    assert f"Runner-up: fold {selection['runner_up']['fold']}" in head.description


def test_hub_and_folder_hold_the_same_tree(hub, token, make_run, tmp_path):
    run = make_run()
    push_run(run, REPO, token=token)
    folder = tmp_path / "published"
    push_run(run, folder)
    local = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    remote = published(hub)
    assert list(local) == list(remote)
    assert {name for name in local if local[name] != remote[name]} == {"README.md"}

    def without_loading_lines(card):
        named = ("from_pretrained", "The tag", "<!-- secondopinion wrote this card")
        return [line for line in card.decode().splitlines() if not any(words in line for words in named)]

    assert without_loading_lines(local["README.md"]) == without_loading_lines(remote["README.md"])


def test_the_card_pins_a_tag_on_that_commit(hub, token, make_run):
    result = push_run(make_run(), REPO, token=token)
    repo = hub.state.repo(REPO)
    (pinned,) = set(re.findall(r'revision="([^"]+)"', published(hub)["README.md"].decode()))
    assert pinned == result.tag
    assert repo.tags == {pinned: result.commit}


def test_the_client_reads_the_card_as_metadata(hub, token, make_run):
    from huggingface_hub import ModelCard

    run = make_run()
    push_run(run, REPO, token=token)
    path = HfApi(hub.url, token=token).hf_hub_download(REPO, "README.md")
    card = ModelCard.load(path)
    results = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert results["Macro F1 (out-of-fold, mean over 5 folds)"] == run.facts["summary"]["mean"]["macro_f1"]
    assert card.data.base_model == "sentence-transformers/all-MiniLM-L6-v2"


def test_pushing_again_makes_no_commit_and_says_so(hub, token, make_run):
    run = make_run()
    first = push_run(run, REPO, token=token)
    sent = len(hub.requests)
    second = push_run(run, REPO, token=token)
    assert not second.changed
    assert "no commit was made" in second.message
    assert second.commit == first.commit
    assert len(commits(hub)) == 2
    assert not [r for r in hub.requests[sent:] if r.startswith(("PUT", "POST"))]


def test_a_new_model_replaces_the_old_in_one_commit(hub, token, make_run):
    old = push_run(make_run(name="a"), REPO, token=token)
    api = HfApi(hub.url, token=token)
    api.create_commit(REPO, [CommitOperationAdd("LICENSE", b"mine")], commit_message="licence")
    new = push_run(make_run("tfidf", name="b"), REPO, token=token)
    now = published(hub)
    assert "model.safetensors" not in now
    assert "modeling_pooled_encoder.py" not in now
    assert now.pop("LICENSE") == b"mine", "a file that no push wrote stays"
    assert list(now) == list(new.files)
    assert len(commits(hub)) == 4
    assert "model.safetensors" in published(hub, revision=old.tag), "the pinned tag still gives the old model"


def test_what_is_stored_is_not_sent_again(hub, token, make_run):
    run = make_run()
    push_run(run, REPO, token=token)
    before = [r for r in hub.requests if r.startswith("PUT")]
    push_run(run, "ward/severity", token=token)
    assert [r for r in hub.requests if r.startswith("PUT")] == before


def test_only_changed_files_are_sent(hub, token, make_run):
    run = make_run()
    push_run(run, REPO, token=token)
    sent = len(hub.requests)
    run.facts_file.write_text(json.dumps({**run.facts, "note": "measured again"}))
    result = push_run(run, REPO, token=token)
    assert result.changed
    assert not [r for r in hub.requests[sent:] if r.startswith("PUT")]
    head, before = hub.state.repo(REPO).history("main")[:2]
    changed = {path for path in head.tree if head.tree[path] != before.tree.get(path)}
    assert changed == {"README.md", "run.json"}


def requests_of_a_push(hub, token, make_run):
    """Count the requests that a push of a new model over an old one makes."""
    push_run(make_run("tfidf", name="count-old"), "ann/count", token=token)
    start = len(hub.requests)
    hub.state.lfs.clear()
    push_run(make_run(name="count-new"), "ann/count", token=token)
    return len(hub.requests) - start


def require_whole_after(hub, token, old, new, repo_id, fault, **where):
    """Push `new` over `old` with a fault, then without: at no moment may half a push be seen."""
    before = push_run(old, repo_id, token=token)
    whole = published(hub, repo_id)
    hub.state.lfs.clear()
    where["first"] = len(hub.requests) + where.get("first", 0)
    hub.fail(fault, **where)
    with pytest.raises(InputError, match=r"no answer from http://127\.0\.0\.1:\d+ while .*run the same command again"):
        push_run(new, repo_id, token=token)
    hub.heal()
    assert published(hub, repo_id) == whole or "model.skops" not in published(hub, repo_id)
    assert len(commits(hub, repo_id)) in (2, 3)
    result = push_run(new, repo_id, token=token)
    assert list(published(hub, repo_id)) == list(result.files)
    assert len(commits(hub, repo_id)) == 3
    assert hub.state.repo(repo_id).tags == {before.tag: before.commit, result.tag: result.commit}


def test_cut_at_each_request_in_turn(hub, token, make_run, quick_retries):
    old, new = make_run("tfidf", name="old"), make_run(name="new")
    total = requests_of_a_push(hub, token, make_run)
    assert total >= 9
    for number in range(total):
        require_whole_after(hub, token, old, new, f"ann/cut{number}", "cut", first=number)


@pytest.mark.parametrize("at", ["PUT /lfs-storage", "POST .*/commit/", "POST .*/tag/"])
def test_an_answer_that_gets_lost(hub, token, make_run, quick_retries, at):
    old, new = make_run("tfidf", name="old"), make_run(name="new")
    require_whole_after(hub, token, old, new, REPO, "lose", pattern=at)


def test_a_short_hiccup_is_mended_without_notice(hub, token, make_run, quick_retries):
    hub.fail("cut", "PUT /lfs-storage", times=2)
    hub.fail(503, "POST .*/preupload", times=2)
    assert push_run(make_run(), REPO, token=token).changed
    assert len(commits(hub)) == 2


def test_two_pushes_at_once_do_not_overwrite_each_other(hub, token, make_run):
    push_run(make_run("tfidf", name="old"), REPO, token=token)
    repo = hub.state.repo(REPO)
    real = repo.commit

    def overtaken(*args, **kwargs):
        repo.commit = real
        real("main", {"run.json": Blob(b"{}")}, "theirs")
        return real(*args, **kwargs)

    repo.commit = overtaken
    with pytest.raises(InputError, match=r"answered 412 .*somebody else committed to ann/severity meanwhile"):
        push_run(make_run(name="new"), REPO, token=token)
    assert commits(hub)[0] == "theirs"
    assert published(hub)["run.json"] == b"{}"


def test_many_pushes_of_the_same_run_at_once_make_one_commit(hub, token, make_run):
    run, outcomes = make_run(), []

    def push():
        try:
            outcomes.append(push_run(run, REPO, token=token).changed)
        except InputError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=push) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) >= 1
    assert all(o in (True, False) or "meanwhile" in o for o in outcomes), outcomes
    assert len(commits(hub)) == 2


def test_private_repositories(hub, token, make_run):
    run = make_run()
    push_run(run, "ann/secret", token=token, private=True)
    assert hub.state.repo("ann/secret").private
    push_run(run, "ann/open", token=token)
    with pytest.raises(InputError, match="ann/open exists and is public, but --private was asked for"):
        push_run(run, "ann/open", token=token, private=True)


def test_another_branch(hub, token, make_run):
    result = push_run(make_run(), REPO, token=token, revision="trial")
    assert list(published(hub, revision="trial")) == list(result.files)
    assert published(hub) == {}


def test_a_pull_request(hub, token, make_run):
    push_run(make_run("tfidf", name="old"), REPO, token=token)
    before = published(hub)
    result = push_run(make_run(name="new"), REPO, token=token, create_pr=True)
    assert published(hub) == before
    assert result.url.endswith("/ann/severity/discussions/1")
    assert "opened a pull request" in result.message
    assert "model.safetensors" in published(hub, revision="refs/pr/1")
    assert hub.state.repo(REPO).tags[result.tag] == result.commit


def test_a_dry_run_asks_the_hub_nothing(hub, make_run):
    result = push_run(make_run(), REPO, dry_run=True)
    assert hub.requests == []
    assert f"to {hub.url}/{REPO}" in result.message
    assert "README.md" in result.files


def test_the_token_of_the_environment_is_used(hub, token, make_run, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", token)
    assert push_run(make_run(), REPO).changed


def test_no_token(hub, make_run):
    with pytest.raises(InputError, match=r"needs a token with the right to write.*hf auth login.*HF_TOKEN"):
        push_run(make_run(), REPO)
    assert hub.requests == []


def test_a_token_that_may_only_read(hub, make_run):
    token = hub.add_token("ann", role="read")
    with pytest.raises(InputError, match=r"the token of 'ann' may only read; pushing to ann/severity needs one with"):
        push_run(make_run(), REPO, token=token)
    assert not hub.state.repos


def test_a_token_that_is_no_more(hub, make_run):
    with pytest.raises(InputError, match=r"answered 401 .*was refused; log in again with `hf auth login`"):
        push_run(make_run(), REPO, token="hf_" + "x" * 34)


def test_an_organisation_that_is_not_theirs(hub, token, make_run):
    with pytest.raises(
        InputError,
        match=r"answered 403 .*the token of 'ann' has no right to write to 'elsewhere'.*exists and that you are",
    ):
        push_run(make_run(), "elsewhere/severity", token=token)
    assert not hub.state.repos


def test_somebody_elses_repository(hub, token, make_run):
    other = HfApi(hub.url, token=hub.add_token("eve"))
    other.create_repo("eve/model")
    with pytest.raises(InputError, match=r"answered 403 .*no right to write to 'eve'"):
        push_run(make_run(), "eve/model", token=token)
    with pytest.raises(InputError, match=r"answered 40[134] .*"):
        push_run(make_run(name="b"), "eve/none", token=token, create_pr=True)


def test_a_name_the_hub_refuses(hub, token, make_run):
    hub.fail(400, "POST /api/repos/create")
    with pytest.raises(
        InputError, match=r"answered 400 .*the Hub refuses the request; is 'ann/severity' a name it allows\?"
    ):
        push_run(make_run(), REPO, token=token)


def test_a_repository_with_something_else(hub, token, make_run):
    api = HfApi(hub.url, token=token)
    api.create_repo(REPO)
    api.create_commit(REPO, [CommitOperationAdd("thesis.txt", b"years of work")], commit_message="mine")
    with pytest.raises(InputError, match=r"holds something else \(1 files, thesis.txt for one\) and no run.json"):
        push_run(make_run(), REPO, token=token)
    assert commits(hub) == ["mine", "initial commit"]


def test_a_repository_with_a_card_alone_is_filled(hub, token, make_run):
    api = HfApi(hub.url, token=token)
    api.create_repo(REPO)
    api.create_commit(REPO, [CommitOperationAdd("README.md", b"# soon\n")], commit_message="soon")
    assert push_run(make_run(), REPO, token=token).changed


@pytest.mark.parametrize(
    "at", ["whoami", "models/ann/severity$", "repos/create", "validate-yaml", "preupload", "batch", "commit/"]
)
def test_a_proxy_that_answers_with_a_page(hub, token, make_run, at):
    hub.fail("html", at)
    with pytest.raises(InputError, match=r"answered with a page instead of data while .*a proxy or a login page"):
        push_run(make_run(), REPO, token=token)
    hub.heal()
    assert push_run(make_run(name="b"), REPO, token=token).changed


def test_a_hub_in_trouble(hub, token, make_run, quick_retries):
    hub.fail(503)
    with pytest.raises(
        InputError, match=r"answered 503 .*the Hub is in trouble; .*untouched; run the same command again"
    ):
        push_run(make_run(), REPO, token=token)
    hub.heal()
    hub.fail(429, "commit/")
    with pytest.raises(InputError, match=r"answered 429 .*too many requests: wait"):
        push_run(make_run(name="b"), REPO, token=token)


def test_no_hub_at_all(hub, token, make_run, monkeypatch, quick_retries):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"no answer from http://127\.0\.0\.1:9 while asking who the token belongs to"):
        push_run(make_run(), REPO, token=token)


def test_offline(hub, token, make_run, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        InputError, match="HF_HUB_OFFLINE is set, so nothing can be pushed: unset it, or push to a folder"
    ):
        push_run(make_run(), REPO, token=token)


def test_the_token_in_a_file_stops_the_push(hub, make_run):
    token = hub.add_token("ann")
    run = make_run()
    (run.fold_folder(run.selected_fold) / "vocab.txt").write_text(f"a\n{token}\n")
    with pytest.raises(InputError, match=r"vocab\.txt: holds the token in use") as caught:
        push_run(run, REPO, token=token)
    assert token not in str(caught.value)
    assert hub.requests == []


def test_a_hub_without_xet_gets_the_files_over_lfs(hub, token, make_run, monkeypatch):
    pytest.importorskip("hf_xet")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    assert push_run(make_run(), REPO, token=token).changed
    assert [r for r in hub.requests if r.startswith("PUT /lfs-storage/")]
    assert hub.state.repo(REPO).find("main").tree["model.safetensors"].lfs


def test_a_large_model_is_sent_in_pieces(make_run):
    bench = Path(__file__).parents[2] / "benchmarks" / "bench_push_memory.py"
    command = [sys.executable, bench, "--run", make_run().path, "--mib", "250", "--limit", "150"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pushed 250 MiB in" in done.stdout


def test_what_a_person_edited_on_the_page_survives_the_next_push(hub, token, make_run):
    push_run(make_run(), REPO, token=token)
    card = published(hub)["README.md"].decode()
    assert card.count("## Limits") == 1
    edited = card.replace("## Limits", "## Who uses it\n\nThe safety team, daily.\n\n## Limits")
    edited = edited.replace("tags:\n", "tags:\n- safety-team\n", 1)
    api = HfApi(hub.url, token=token)
    api.upload_file(path_or_fileobj=edited.encode(), path_in_repo="README.md", repo_id=REPO)
    head = commits(hub)
    same = push_run(make_run(name="again", change=lambda facts: facts.update(name="severity")), REPO, token=token)
    assert "kept as edited there: Who uses it" in same.message
    push_run(make_run("bert", name="other"), REPO, token=token)
    now = published(hub)["README.md"].decode()
    assert "The safety team, daily." in now
    assert "- safety-team" in now
    assert "# other" in now
    assert len(commits(hub)) > len(head)
    broken = Blob(now.replace("license:", "license: [", 1).encode())  # as a git push may leave it
    hub.state.repo(REPO).commit("main", {"README.md": broken}, "by hand")
    with pytest.raises(InputError, match=r"the published README.md cannot be read.*line 3.*--force-card"):
        push_run(make_run("bert", name="later"), REPO, token=token)
    push_run(make_run("bert", name="last"), REPO, token=token, force_card=True)
    assert "The safety team" not in published(hub)["README.md"].decode()


def test_a_benchmark_result_stands_beside_the_card(hub, token, make_run):
    from secondopinion.publishing import verify

    push_run(make_run(), REPO, token=token, dataset_id="ward/severity-bench", benchmark_task="severity")
    (path,) = [name for name in published(hub) if name.startswith(".eval_results/")]
    assert b"ward/severity-bench" in published(hub)[path]
    assert next(claim for claim in verify(REPO, token=token) if claim.name == "files").holds
    push_run(make_run(name="later"), REPO, token=token)
    assert path not in published(hub)
