"""Cards of every kind go through one parser and one validator, and the Hub's own endpoint takes them."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi

from secondopinion.core.card import COMMENT, Card
from secondopinion.core.card_edits import keep_edits, signed
from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, render_card, validate_card

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = sorted([*ROOT.glob("spaces/*/README.md"), *ROOT.glob("metrics/*/README.md")])


@pytest.fixture(scope="module")
def dataset_card(tmp_path_factory):
    from secondopinion.dataset_scripts.synthetic_long_cases.prepare import prepare

    output = tmp_path_factory.mktemp("data") / "cases"
    prepare("synthetic", output, cases=40)
    return (output / "README.md").read_text()


@pytest.fixture
def cards(make_run, make_qa_run, dataset_card):
    """(kind, text) of one card of each kind."""
    runs = [make_run(), make_run("tfidf", name="b"), make_qa_run()]
    models = [("model", render_card(card_data(run, "ann/x", "run-0123456789ab"))) for run in runs]
    pages = [("space", keep_edits(path.read_text(), None).text) for path in WRITTEN]
    return [*models, ("dataset", dataset_card), *pages]


def test_every_kind_is_valid_here_and_on_the_hub_and_settles(cards, hub):
    api = HfApi(hub.url, token=hub.add_token("ann"))
    assert {kind for kind, _ in cards} == {"model", "dataset", "space"}
    assert len(cards) >= 3 + 1 + 8
    for kind, text in cards:
        validate_card(text, kind)
        api._validate_yaml(text, repo_type=kind)
        card = Card.parse(text)
        assert signed(card) == text == keep_edits(text, text).text
        assert text.count("secondopinion wrote this card") == 1
        assert COMMENT.search(text).end() == len(text)
        if kind != "space":
            assert card.metadata["tags"] == sorted(card.metadata["tags"])


def test_the_hubs_endpoint_refuses_what_ours_refuses(make_run, hub):
    api = HfApi(hub.url, token=hub.add_token("ann"))
    text = render_card(card_data(make_run())).replace("license: apache-2.0", "license: [3]")
    with pytest.raises(InputError, match=r"license: \[3\] is not a licence"):
        validate_card(text)
    with pytest.raises(ValueError, match="Invalid metadata in README.md"):
        api._validate_yaml(text, repo_type="model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"configs": [{"data_files": []}]}, r"configs\[0\]\.config_name is missing"),
        ({"configs": [{"config_name": "default", "data_files": [{"path": "x"}]}]}, r"data_files\[0\] needs a split"),
        ({"dataset_info": []}, "dataset_info is missing"),
        ({"dataset_info": {"splits": []}}, r"dataset_info\[0\]\.features is missing"),
        ({"size_categories": ["many"]}, "size_categories: 'many' is not a size"),
        ({"task_categories": ["guessing"]}, "task_categories: 'guessing' is not a task"),
        ({"pretty_name": ""}, "pretty_name is missing"),
        ({"licence": "mit"}, "licence: unknown key; did you mean 'license'"),
    ],
)
def test_a_data_sets_card_is_checked(dataset_card, change, message):
    card = Card.parse(dataset_card)
    with pytest.raises(InputError, match=message):
        validate_card(str(Card({**card.metadata, **change}, card.sections)), "dataset")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sdk": "gradioo"}, "sdk: 'gradioo' is nothing that the Hub runs; did you mean 'gradio'"),
        ({"colorFrom": "teal"}, "colorFrom: 'teal' is no colour of a Space"),
        ({"python_version": 3.11}, r"python_version: 3\.11 is no version in quotes"),
        ({"short_description": "x" * 61}, "short_description: 61 characters"),
        ({"models": ["bert"]}, "models: 'bert' is not a repository on the Hub"),
        ({"tags": "medical"}, "tags: 'medical' is not a list of strings"),
        ({"title": None}, "title is missing"),
    ],
)
def test_a_spaces_card_is_checked(change, message):
    card = Card.parse(WRITTEN[0].read_text())
    with pytest.raises(InputError, match=message):
        validate_card(str(Card({**card.metadata, **change}, card.sections)), "space")


def test_a_data_sets_columns_are_shown(dataset_card):
    from secondopinion.model_cards import preview_html

    page = preview_html(dataset_card, ROOT, "cases")
    for column, kind in (("text", "string"), ("label", "class_label"), ("fold", "int32"), ("meta", "struct")):
        assert f'<tr><th scope="row">{column}</th><td>{kind}</td></tr>' in page
    assert '<tr><th scope="row">train</th><td>40</td></tr>' in page


def test_keys_that_a_person_added_pass_by_name(make_run):
    text = render_card(card_data(make_run()))
    kept = keep_edits(text, text.replace("license:", "our_ward: 3\nlicense:", 1))
    with pytest.raises(InputError, match="our_ward: unknown key"):
        validate_card(kept.text)
    validate_card(kept.text, others=kept.keys)


def test_a_runs_card_keeps_edits_and_pins_the_new_tag(make_run):
    run = make_run()
    first = render_card(card_data(run, "ann/x", "run-0123456789ab"))
    there = first.replace("## Limits\n", "## Our wards\n\nPinned: `run-0123456789ab`.\n\n## Limits\n\n- Ours too.\n")
    kept = keep_edits(render_card(card_data(run, "ann/x", "run-ba9876543210")), there)
    assert kept.sections == ("Our wards", "Limits")
    assert "Pinned: `run-ba9876543210`." in kept.text
    assert "- Ours too." in kept.text
    assert "run-0123456789ab" not in kept.text
    validate_card(kept.text)
