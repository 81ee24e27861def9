"""Data sets, metrics and Spaces over HTTP with the real client: one commit, none when nothing changed, no leaks."""

import getpass
import json
import os
import shutil

import forked
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import HfApi

from secondopinion.cli.pushing import push_kind
from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json, write_json
from secondopinion.dataset_scripts import prepare
from secondopinion.model_cards import push_dataset, push_run, push_space_folder
from secondopinion.publishing import push_all, push_metric, push_space
from secondopinion.publishing.metrics import metric_names
from secondopinion.publishing.spaces import publish_space
from secondopinion.publishing.whole_run import space_of

COMMON = {"private": False, "revision": None, "create_pr": False, "dry_run": False}
OF_MODEL = {"agreement": None, "license": None, "dataset_id": None, "dtype": []}
OF_SPACE = dict.fromkeys(["model", "model_revision", "baseline", "baseline_revision"]) | {
    "trust_remote_code": False,
    "link": [],
}


@pytest.fixture
def token(hub):
    return hub.add_token("ann", organizations=("ward",))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "cases"
    prepare("synthetic_long_cases", "synthetic", folder, cases=30)
    return folder


@pytest.fixture
def dataset(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "dataset")


def files(hub, kind, repo_id, revision="main"):
    found = hub.state.repo(repo_id, kind).files(revision)
    found.pop(".gitattributes")
    return found


def stranger(script, hub, token, folder):
    """Return the last line that a process of its own prints, which knows this Hub alone."""
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "0"}
    done = forked.run(script, environment=os.environ | own, folder=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def change_rows(folder, change):
    (path,) = (folder / "data").glob("*.parquet")
    pq.write_table(change(pq.read_table(path)), path)


class TestDatasets:
    def test_one_commit_then_none(self, hub, token, dataset):
        result = push_dataset(dataset, "ann/cases", token=token)
        head, first = hub.state.repo("ann/cases", "datasets").history("main")
        assert first.title == "initial commit"
        assert head.title == "synthetic_long_cases: 30 rows"
        assert read_json(dataset / "prepare.json")["fingerprint"] in head.description
        assert result.url == f"{hub.url}/datasets/ann/cases/commit/{head.oid}"
        assert set(files(hub, "datasets", "ann/cases")) == set(result.files)
        assert hub.state.repo("ann/cases", "datasets").tags == {result.tag: head.oid}
        again = push_dataset(dataset, "ann/cases", token=token)
        assert not again.changed
        assert len(hub.state.repo("ann/cases", "datasets").history("main")) == 2

    def test_a_stranger_loads_and_streams_it(self, hub, token, dataset, tmp_path):
        push_dataset(dataset, "ann/cases", token=token, private=True)
        script = """
import datasets
loaded = datasets.load_dataset("ann/cases", split="train")
streamed = datasets.load_dataset("ann/cases", split="train", streaming=True)
print(len(loaded), loaded.features["label"].names, next(iter(streamed))["text"] == loaded[0]["text"])
"""
        assert stranger(script, hub, token, tmp_path) == "30 ['routine', 'urgent_review'] True"

    def test_what_is_outdated_goes_and_other_files_stay(self, hub, token, dataset):
        push_dataset(dataset, "ann/cases", token=token)
        HfApi(hub.url, token=token).upload_file(
            path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id="ann/cases", repo_type="dataset"
        )
        (path,) = (dataset / "data").glob("*.parquet")
        path.rename(path.with_name("train-00001-of-00002.parquet"))
        push_dataset(dataset, "ann/cases", token=token)
        found = files(hub, "datasets", "ann/cases")
        assert found["notes.txt"] == b"mine"
        assert [name for name in found if name.endswith(".parquet")] == ["data/train-00001-of-00002.parquet"]

    def test_to_a_folder(self, dataset, tmp_path):
        (dataset / "notes.txt").write_text("mine")
        result = push_dataset(dataset, tmp_path / "published")
        assert result.left_out == ("notes.txt",)
        assert {path.name for path in (tmp_path / "published").iterdir()} == {"README.md", "prepare.json", "data"}
        assert not push_dataset(dataset, tmp_path / "published").changed
        with pytest.raises(InputError, match="is the folder that is published itself"):
            push_dataset(dataset, dataset / "inside")

    @pytest.mark.parametrize(
        ("corpus", "agreement", "message"),
        [
            ("mimic_iv_outcome", "PhysioNet", "rule publish_text.* do not allow .* whoever holds 'PhysioNet'"),
            ("emrqa", None, "the terms of 'emrqa' .*they stay where they are"),
        ],
    )
    def test_a_corpus_that_forbids_it(self, hub, token, dataset, corpus, agreement, message):
        facts = read_json(dataset / "prepare.json")
        policy = facts["policy"] | {"publish_text": False, "agreement": agreement}
        write_json(dataset / "prepare.json", facts | {"corpus": corpus, "policy": policy})
        with pytest.raises(InputError, match=message):
            push_dataset(dataset, "ann/cases", token=token)
        assert not hub.state.repos

    def test_planted_leaks_are_caught_and_nothing_is_sent(self, hub, token, dataset):
        secret = "hf_" + "a1B2" * 8

        def plant(table):
            texts = table["text"].to_pylist()
            texts[3] += f" {secret}"
            return table.set_column(table.schema.get_field_index("text"), table.schema.field("text"), pa.array(texts))

        facts = read_json(dataset / "prepare.json")
        write_json(dataset / "prepare.json", facts | {"source": "/home/ann/letters"})
        with pytest.raises(InputError, match=r"prepare.json: source: /home/ann/letters, a path of this machine"):
            push_dataset(dataset, "ann/cases", token=token)
        write_json(dataset / "prepare.json", facts)
        change_rows(dataset, plant)
        with pytest.raises(InputError, match=r"parquet: holds a Hugging Face token") as error:
            push_dataset(dataset, "ann/cases", token=token)
        assert secret not in str(error.value)
        (path,) = (dataset / "data").glob("*.parquet")
        path.write_bytes(path.read_bytes()[:400])
        with pytest.raises(InputError, match="is not a Parquet file, or only the beginning of one"):
            push_dataset(dataset, "ann/cases", token=token)
        assert not hub.state.repos

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda card: card.replace("license: cc0-1.0", "license: nobody-knows"), "license is 'nobody-knows'"),
            (
                lambda card: card.replace("train-*.parquet", "test-*.parquet"),
                r"configs names data/test-\*.parquet",
            ),
            (lambda card: card.replace("configs:", "configs_:"), "has no configs"),
            (lambda card: card.replace("---\n", "---\na: [\n", 1), "README.md: the card's metadata is not plain YAML"),
            (lambda card: card.split("---\n", 2)[2], "README.md: the card has no metadata"),
        ],
    )
    def test_a_card_that_somebody_broke(self, dataset, tmp_path, change, message):
        card = dataset / "README.md"
        card.write_text(change(card.read_text()))
        with pytest.raises(InputError, match=message):
            push_dataset(dataset, tmp_path / "published")
        assert not (tmp_path / "published").exists()

    def test_a_folder_that_was_not_prepared(self, tmp_path):
        with pytest.raises(InputError, match="holds no prepare.json. Make one with: secondopinion prepare"):
            push_dataset(tmp_path, "ann/cases")

    def test_another_repository_s_content_is_left_alone(self, hub, token, dataset):
        api = HfApi(hub.url, token=token)
        api.create_repo("ann/cases", repo_type="dataset")
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x.csv", repo_id="ann/cases", repo_type="dataset")
        with pytest.raises(InputError, match="holds something else .* no prepare.json"):
            push_dataset(dataset, "ann/cases", token=token)


class TestMetrics:
    @pytest.mark.parametrize("name", ["per_class_f1", "deferral_rate", "clinical_qa", "dragon"])
    def test_every_metric_is_a_space(self, hub, token, name):
        assert name in metric_names()
        result = push_metric(name, f"ward/{name}", token=token)
        found = files(hub, "spaces", f"ward/{name}")
        assert set(found) == set(result.files)
        assert {f"{name}.py", "app.py", "README.md", "requirements.txt", "space.json"} <= set(found)
        assert hub.state.repo(f"ward/{name}", "spaces").sdk == "gradio"
        assert yaml.safe_load(found["README.md"].decode().split("---\n")[1])["sdk"] == "gradio"
        assert not push_metric(name, f"ward/{name}", token=token).changed

    def test_evaluate_loads_it(self, hub, token, tmp_path):
        push_metric("per_class_f1", "ann/per_class_f1", token=token)
        script = """
import evaluate
found = evaluate.load("ann/per_class_f1").compute(predictions=[0, 1, 1, 1], references=[0, 1, 0, 1])
print(found["accuracy"])
"""
        assert stranger(script, hub, token, tmp_path) == "0.75"

    def test_its_name_is_the_repository_s(self, hub, token):
        with pytest.raises(InputError, match="push per_class_f1 to ann/per_class_f1, not ann/f1"):
            push_metric("per_class_f1", "ann/f1", token=token)
        with pytest.raises(InputError, match="no metric 'per_class_f'; did you mean 'per_class_f1'"):
            push_metric("per_class_f", "ann/per_class_f", token=token)


class TestSpaces:
    def test_it_is_wired_to_the_model(self, hub, token, make_run):
        pushed = push_run(make_run(), "ann/severity", token=token)
        result = push_space(
            "maude_severity", "ann/demo", "ann/severity", model_revision=pushed.tag, trust_remote_code=True, token=token
        )
        found = files(hub, "spaces", "ann/demo")
        wiring = json.loads(found["space.json"])
        assert wiring == {
            "space": "maude_severity",
            "model": "ann/severity",
            "revision": pushed.tag,
            "trust_remote_code": True,
        }
        front = yaml.safe_load(found["README.md"].decode().split("---\n")[1])
        assert (front["sdk"], front["models"]) == ("gradio", ["ann/severity"])
        (head, _) = hub.state.repo("ann/demo", "spaces").history("main")
        assert head.title == f"maude_severity: shows ann/severity at {pushed.tag}"
        assert {"severity", "cleaning"} & {name.split("/")[0] for name in found} == {"cleaning"}
        assert not push_space(
            "maude_severity", "ann/demo", "ann/severity", model_revision=pushed.tag, trust_remote_code=True, token=token
        ).changed
        assert result.url.startswith(f"{hub.url}/spaces/ann/demo/commit/")

    @pytest.mark.parametrize(
        ("file", "planted", "message"),
        [
            ("app.py", "\nTOKEN = 'hf_" + "aB3" * 12 + "'\n", r"app\.py: holds a Hugging Face token"),
            ("look.py", "\n# see /home/ann/experiments\n", r"look\.py: holds '/home/ann/experiments', a path of a"),
            ("cleaning/text.py", "\nx = '-----BEGIN PRIVATE KEY-----'\n", r"cleaning/text\.py: holds a private key"),
            ("README.md", "\nMail annsmith@ward.example\n", r"README\.md: holds the login name 'annsmith'"),
        ],
    )
    def test_planted_leaks_are_caught_and_nothing_is_sent(
        self, hub, token, tmp_path, monkeypatch, file, planted, message
    ):
        monkeypatch.setattr(getpass, "getuser", lambda: "annsmith")
        folder = publish_space("maude_severity", tmp_path / "space", "ann/severity")
        with open(folder / file, "a", encoding="utf-8") as handle:
            handle.write(planted)
        with pytest.raises(InputError, match=message) as error:
            push_space_folder(folder, "ann/demo", token=token)
        assert "aB3aB3" not in str(error.value)
        assert not hub.state.repos

    def test_a_link_with_a_password_is_caught(self, tmp_path):
        links = {"clinical_qa": "https://ann:secret@ward.example/"}
        with pytest.raises(InputError, match=r"space\.json: holds a password in an address"):
            push_space("second_opinion", tmp_path / "space", "ann/severity", links=links)

    def test_a_folder_that_is_none(self, tmp_path):
        (tmp_path / "app.py").write_text("")
        with pytest.raises(InputError, match=r"it lacks README.md, requirements.txt, space.json"):
            push_space_folder(tmp_path, "ann/demo")
        for name, text in (("README.md", "---\nsdk: static\n---\n"), ("requirements.txt", ""), ("space.json", "{}")):
            (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="a Space needs sdk: gradio"):
            push_space_folder(tmp_path, tmp_path.parent / "published")


@pytest.mark.parametrize("kind", ["datasets", "spaces"])
def test_cut_at_each_request_in_turn_it_is_whole_and_goes_on(hub, token, dataset, kind, quick_retries):
    def push(repo_id, version):
        if kind == "spaces":
            return push_space("long_cases", repo_id, "ann/letters", model_revision=version, token=token)
        (path,) = (dataset / "data").glob("*.parquet")
        path.rename(path.with_name({"v1": "train-00000-of-00001", "v2": "train-00001-of-00002"}[version] + ".parquet"))
        return push_dataset(dataset, repo_id, token=token)

    push("ann/count", "v1")
    first, before = files(hub, kind, "ann/count"), len(hub.requests)
    push("ann/count", "v2")
    second, requests = files(hub, kind, "ann/count"), len(hub.requests) - before
    assert first != second
    assert requests >= 6
    for number in range(requests):
        repo_id = f"ann/cut{number}"
        push(repo_id, "v1")
        hub.state.lfs.clear()
        hub.fail("cut", first=len(hub.requests) + number)
        with pytest.raises(InputError, match="run the same command again"):
            push(repo_id, "v2")
        hub.heal()
        assert files(hub, kind, repo_id) in (first, second)
        push(repo_id, "v2")
        assert files(hub, kind, repo_id) == second
        assert len(hub.state.repo(repo_id, kind).history("main")) == 3


class TestAll:
    @pytest.fixture
    def run(self, make_run, prepared):
        run = make_run()
        run.write_local({"data": str(prepared)})
        facts = run.facts
        facts["dataset"]["policy"] |= {"publish_text": True}
        run.write_facts(facts)
        return run

    def test_everything_is_there_and_joined_in_a_collection(self, hub, token, run):
        done = push_all(run.path, "ward/severity", token=token)
        model = hub.state.repo("ward/severity").history("main")[0]
        wiring = json.loads(files(hub, "spaces", "ward/severity-space")["space.json"])
        assert (wiring["space"], wiring["model"]) == ("maude_severity", "ward/severity")
        assert hub.state.repo("ward/severity").tags[wiring["revision"]] == model.oid
        card = files(hub, "models", "ward/severity")["README.md"].decode()
        assert yaml.safe_load(card.split("---\n")[1])["datasets"] == ["ward/severity-data"]
        (collection,) = hub.state.collections.values()
        assert done[-1] == f"collection: {hub.url}/collections/{collection['slug']}"
        assert [(item["id"], item["type"]) for item in collection["items"]] == [
            ("ward/severity", "model"),
            ("ward/severity-data", "dataset"),
            ("ward/per_class_f1", "space"),
            ("ward/severity-space", "space"),
        ]
        assert run.facts["selection"]["reason"][:80] in collection["items"][0]["note"]["text"]
        commits = {key: len(repo.history("main")) for key, repo in hub.state.repos.items()}
        again = push_all(run.path, "ward/severity", token=token)
        assert not any(one.changed for one in again if not isinstance(one, str))
        assert {key: len(repo.history("main")) for key, repo in hub.state.repos.items()} == commits
        assert len(hub.state.collections) == 1

    def test_links_make_a_landing_page_that_leads_to_what_is_published_with_it(self, hub, token, run):
        done = push_all(run.path, "ann/severity", token=token, links={"clinical_qa": "ward/notes"})
        wiring = json.loads(files(hub, "spaces", "ann/severity-start")["space.json"])
        assert (wiring["space"], wiring["model"]) == ("second_opinion", "ann/severity")
        assert wiring["links"] == {"clinical_qa": "ward/notes", "maude_severity": "ann/severity-space"}
        assert "links" not in json.loads(files(hub, "spaces", "ann/severity-space")["space.json"])
        (collection,) = hub.state.collections.values()
        assert [item["id"] for item in collection["items"]][-2:] == ["ann/severity-space", "ann/severity-start"]
        again = push_all(run.path, "ann/severity", token=token, links={"clinical_qa": "ward/notes"})
        assert [one.changed for one in again if not isinstance(one, str)] == [False] * (len(done) - 1)

    def test_links_of_a_run_that_has_no_landing_page_are_refused_before_anything_is_sent(self, hub, token, run):
        run.write_facts(run.facts | {"model": run.facts["model"] | {"kind": "multitask_qa"}})
        with pytest.raises(InputError, match="begins with a model that classifies texts, and .* holds none"):
            push_all(run.path, "ann/notes", token=token, links={"long_cases": "ward/long"})
        assert not hub.state.repos

    def test_what_may_not_or_cannot_be_published_is_said(self, hub, token, run, make_run):
        facts = run.facts
        facts["dataset"]["policy"] |= {"publish_text": False}
        run.write_facts(facts)
        done = push_all(run.path, "ann/severity", token=token)
        assert f"data: the terms of {facts['dataset']['name']} keep its rows where they are" in done
        assert not [key for key in hub.state.repos if key[0] == "datasets"]
        words = make_run("tfidf", name="words")
        push_all(words.path, "ann/words", token=token)
        wiring = json.loads(files(hub, "spaces", "ann/words-space")["space.json"])
        assert (wiring["space"], wiring["trust_remote_code"]) == ("second_opinion", False)
        assert (space_of(facts | {"task": {"problem_type": "regression"}})) is None

    def test_a_dry_run_sends_nothing(self, hub, run):
        done = push_all(run.path, "ann/severity", dry_run=True)
        assert all(one.message.startswith("would push") for one in done if not isinstance(one, str))
        assert not hub.state.repos
        assert not hub.state.collections

    def test_cut_off_at_any_request_it_goes_on(self, hub, token, run, quick_retries):
        push_all(run.path, "ann/whole", token=token)
        requests = len(hub.requests)
        whole = {key[1].replace("whole", ""): set(files(hub, key[0], key[1])) for key in hub.state.repos}
        for cut in range(0, requests, 9):
            hub.state.repos.clear()
            hub.state.collections.clear()
            hub.state.lfs.clear()
            hub.fail_after(cut)
            with pytest.raises(InputError):
                push_all(run.path, "ann/whole", token=token)
            hub.heal()
            push_all(run.path, "ann/whole", token=token)
            assert {key[1].replace("whole", ""): set(files(hub, key[0], key[1])) for key in hub.state.repos} == whole

    def test_a_folder_is_refused(self, run, tmp_path):
        with pytest.raises(InputError, match="push all makes a collection on the Hub, but .* is a folder"):
            push_all(run.path, str(tmp_path))


class TestWords:
    def test_one_word_is_a_run_and_two_name_the_kind(self, make_run, dataset, tmp_path):
        run = make_run()
        assert push_kind(str(run.path), None, str(tmp_path / "a"), COMMON, OF_MODEL, OF_SPACE).changed
        assert push_kind("model", str(run.path), str(tmp_path / "b"), COMMON, OF_MODEL, OF_SPACE).changed
        assert push_kind("dataset", str(dataset), str(tmp_path / "c"), COMMON, OF_MODEL, OF_SPACE).changed
        assert push_kind("metric", "dragon", str(tmp_path / "d"), COMMON, OF_MODEL, OF_SPACE).changed
        wired = OF_SPACE | {"model": "ann/severity"}
        assert push_kind("space", "long_cases", str(tmp_path / "e"), COMMON, OF_MODEL, wired).changed
        assert (tmp_path / "e" / "space.json").exists()
        joined = wired | {"link": ["long_cases=ann/long", "clinical_qa=http://127.0.0.1:7861"]}
        push_kind("space", "second_opinion", str(tmp_path / "f"), COMMON, OF_MODEL, joined)
        links = read_json(tmp_path / "f" / "space.json")["links"]
        assert links == {"clinical_qa": "http://127.0.0.1:7861", "long_cases": "ann/long"}

    @pytest.mark.parametrize(
        ("words", "to", "change", "message"),
        [
            (("modle", "runs/x"), "a/b", {}, "'modle' is nothing that can be pushed; did you mean 'model'"),
            (("dataset", None), "a/b", {}, "push dataset needs to know which: secondopinion push dataset data/NAME"),
            (("dataset", "x"), "", {}, "push needs --to namespace/name for the Hub, or --to ./folder"),
            (("dataset", "x"), "a/b", {"model": "c/d"}, "--model is for push space, not for push dataset"),
            (("metric", "x"), "a/b", {"license": "mit"}, "--license is for push model, not for push metric"),
            (("space", "long_cases"), "a/b", {}, "push space needs the model that it shows"),
            (("space", "long_casse"), "a/b", {"model": "c/d"}, "no Space 'long_casse'; did you mean 'long_cases'"),
            (("model", "x"), "a/b", {"link": ["y=c/d"]}, "--link is for push space, not for push model"),
            (("space", "second_opinion"), "a/b", {"model": "c/d", "link": ["e/f"]}, "--link 'e/f' is no link; give N"),
            (("space", "second_opinion"), "a/b", {"link": ["y=c/d", "y=e/f"]}, "--link names y twice, c/d and e/f"),
        ],
    )
    def test_words_that_make_no_sense(self, words, to, change, message):
        of_model = OF_MODEL | {name: value for name, value in change.items() if name in OF_MODEL}
        of_space = OF_SPACE | {name: value for name, value in change.items() if name in OF_SPACE}
        with pytest.raises(InputError, match=message):
            push_kind(*words, to, COMMON, of_model, of_space)
