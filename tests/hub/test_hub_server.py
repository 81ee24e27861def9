"""The loopback Hub answers the real client as the Hub does."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


@pytest.fixture
def api(hub):
    return HfApi(hub.url, token=hub.add_token("ann", organizations=("ward",)))


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_repository_from_creation_to_download(hub, api, kind, tmp_path):
    sdk = {"space_sdk": "gradio"} if kind == "space" else {}
    url = api.create_repo("ann/thing", repo_type=kind, **sdk)
    assert url.repo_type == kind
    assert url.repo_id == "ann/thing"
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "README.md").write_text("---\nlicense: mit\n---\n# thing\n")
    (source / "deep" / "er" / "data.parquet").write_bytes(bytes(range(256)) * 10)
    commit = api.upload_folder(repo_id="ann/thing", folder_path=source, repo_type=kind)
    info = api.repo_info("ann/thing", repo_type=kind, files_metadata=True)
    assert info.sha == commit.oid
    assert {s.rfilename for s in info.siblings} == {".gitattributes", "README.md", "deep/er/data.parquet"}
    assert next(s for s in info.siblings if s.rfilename.endswith("parquet")).lfs.size == 2560
    assert api.list_repo_files("ann/thing", repo_type=kind) == [".gitattributes", "README.md", "deep/er/data.parquet"]
    root = list(api.list_repo_tree("ann/thing", repo_type=kind, expand=True))
    assert [entry.path for entry in root] == [".gitattributes", "README.md", "deep"]
    folder = api.snapshot_download("ann/thing", repo_type=kind, cache_dir=tmp_path / "cache")
    copy = tmp_path / "cache" / folder
    assert (copy / "deep" / "er" / "data.parquet").read_bytes() == bytes(range(256)) * 10
    assert (copy / "README.md").read_text().endswith("# thing\n")
    assert [c.title for c in api.list_repo_commits("ann/thing", repo_type=kind)][-1] == "initial commit"
    api.delete_repo("ann/thing", repo_type=kind)
    assert not api.repo_exists("ann/thing", repo_type=kind)


def test_what_is_stored_is_not_sent_again(hub, api, tmp_path):
    api.create_repo("ann/model")
    weights = CommitOperationAdd("model.safetensors", b"x" * 1000)
    api.create_commit("ann/model", [weights], commit_message="one")
    before = len([r for r in hub.requests if r.startswith("PUT")])
    api.create_repo("ann/other")
    api.create_commit("ann/other", [CommitOperationAdd("m.safetensors", b"x" * 1000)], commit_message="two")
    assert len([r for r in hub.requests if r.startswith("PUT")]) == before == 1


def test_branches_tags_and_pull_requests(hub, api, tmp_path):
    api.create_repo("ann/model")
    first = api.create_commit("ann/model", [CommitOperationAdd("a.txt", b"1")], commit_message="one")
    api.create_tag("ann/model", tag="v1")
    api.create_branch("ann/model", branch="feature/x")
    api.create_commit("ann/model", [CommitOperationAdd("a.txt", b"2")], commit_message="2", revision="feature/x")
    pull = api.create_commit("ann/model", [CommitOperationAdd("b.txt", b"3")], commit_message="3", create_pr=True)
    assert pull.pr_num == 1
    refs = api.list_repo_refs("ann/model", include_pull_requests=True)
    assert [b.name for b in refs.branches] == ["feature/x", "main"]
    assert [(t.name, t.target_commit) for t in refs.tags] == [("v1", first.oid)]
    assert [p.ref for p in refs.pull_requests] == ["refs/pr/1"]

    def content(name, revision):
        path = hf_hub_download("ann/model", name, revision=revision, endpoint=hub.url, cache_dir=tmp_path)
        return open(path).read()

    assert content("a.txt", "v1") == content("a.txt", first.oid) == "1"
    assert content("a.txt", "feature/x") == "2"
    assert content("b.txt", "refs/pr/1") == "3"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag("ann/model", tag="v1")
    api.delete_tag("ann/model", tag="v1")
    with pytest.raises(RevisionNotFoundError):
        content("a.txt", "v1")
    with pytest.raises(EntryNotFoundError):
        content("none.txt", "main")


def test_deleting_and_copying_in_a_commit(hub, api):
    api.create_repo("ann/model")
    files = [
        CommitOperationAdd("a/1.txt", b"1"),
        CommitOperationAdd("a/2.txt", b"2"),
        CommitOperationAdd("b.txt", b"3"),
    ]
    api.create_commit("ann/model", files, commit_message="one")
    changes = [CommitOperationCopy("b.txt", "c.txt"), CommitOperationDelete("a/", is_folder=True)]
    api.create_commit("ann/model", changes, commit_message="two")
    assert hub.state.repo("ann/model").files() == {
        ".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        "b.txt": b"3",
        "c.txt": b"3",
    }


def test_a_commit_on_an_outdated_parent_is_refused(hub, api):
    api.create_repo("ann/model")
    first = api.create_commit("ann/model", [CommitOperationAdd("a.txt", b"1")], commit_message="one")
    api.create_commit("ann/model", [CommitOperationAdd("a.txt", b"2")], commit_message="two")
    late = [CommitOperationAdd("a.txt", b"3")]
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit("ann/model", late, commit_message="late", parent_commit=first.oid)
    assert hub.state.repo("ann/model").files()["a.txt"] == b"2"


def test_rights(hub, api):
    api.create_repo("ward/model", private=True)
    stranger = HfApi(hub.url, token=hub.add_token("eve"))
    with pytest.raises(RepositoryNotFoundError):
        stranger.repo_info("ward/model")
    with pytest.raises(HfHubHTTPError, match="403"):
        stranger.create_repo("ward/other")
    reader = HfApi(hub.url, token=hub.add_token("ann", role="read"))
    with pytest.raises(HfHubHTTPError, match="403"):
        reader.create_repo("ann/model")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(hub.url, token="hf_" + "x" * 34).whoami()
    assert api.repo_info("ward/model").private is True


def test_a_card_that_is_not_valid_is_refused(hub, api):
    api.create_repo("ann/model")
    card = CommitOperationAdd("README.md", b"---\nlicense: 3\ntags: [1]\n---\n")
    with pytest.raises(ValueError, match='(?s)Invalid metadata in README.md.*"license" must be a string.*"tags"'):
        api.create_commit("ann/model", [card], commit_message="card")
    assert list(hub.state.repo("ann/model").files()) == [".gitattributes"]


def test_planted_faults(hub, api, quick_retries):
    api.create_repo("ann/model")
    hub.fail(503, "GET /api/models", times=1)
    with pytest.raises(HfHubHTTPError, match="503"):
        api.repo_info("ann/model")
    assert api.repo_info("ann/model").id == "ann/model"
    hub.fail_after(1)
    api.repo_info("ann/model")
    with pytest.raises(Exception, match="(?i)disconnected|reset|closed"):
        api.repo_info("ann/model")
    hub.heal()
    api.repo_info("ann/model")


def test_a_data_set_loads_from_it(hub, api, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False, raising=False)
    rows = datasets.DatasetDict({"train": datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]})})
    rows.push_to_hub("ann/rows", token=api.token)
    loaded = datasets.load_dataset("ann/rows", split="train", cache_dir=str(tmp_path), token=api.token)
    assert loaded["text"][:] == ["a", "b"]
