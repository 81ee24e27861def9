"""Licences: inherited from the encoder, refused where it forbids them, and told on the card."""

import pytest

from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data, push_run, render_card
from secondopinion.model_cards.hub_terms import LICENCES
from secondopinion.model_cards.licences import forbids_changes, forbids_commerce, licence_flags, share_alike


def licensed(make_run, base=None, data=None, model=None):
    def change(facts):
        facts["model"]["base_license"] = base
        facts["dataset"]["policy"]["licence"] = data or "cc0-1.0"

    return card_data(make_run(change=change), license=model)


@pytest.mark.parametrize("base", ["cc-by-nc-sa-4.0", "MIT", "gpl-3.0", "llama3.1"])
def test_a_model_inherits_its_encoders_licence(make_run, base):
    assert licensed(make_run, base).license == base.lower()


@pytest.mark.parametrize(
    ("base", "model", "message"),
    [
        ("cc-by-nc-4.0", "apache-2.0", "licensed cc-by-nc-4.0, which allows no commercial use, but apache-2.0 does"),
        ("cc-by-sa-4.0", "mit", "shared under the same terms, not mit: leave --license"),
        ("gpl-3.0", "apache-2.0", "shared under the same terms, not apache-2.0"),
        ("cc-by-nc-sa-4.0", "cc-by-nc-4.0", "shared under the same terms, not cc-by-nc-4.0"),
        ("cc-by-nd-4.0", None, "allows no changed copies, so a model trained from it cannot be published"),
    ],
)
def test_what_the_encoders_licence_forbids_is_refused(make_run, tmp_path, base, model, message):
    with pytest.raises(InputError, match=message):
        licensed(make_run, base, model=model)
    run = make_run(name="pushed", change=lambda facts: facts["model"].update(base_license=base))
    with pytest.raises(InputError, match=message):
        push_run(run, tmp_path / "published", license=model)
    assert not (tmp_path / "published").exists()


@pytest.mark.parametrize(
    ("base", "model"),
    [
        ("mit", "apache-2.0"),
        ("apache-2.0", "cc-by-nc-4.0"),
        ("cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
        ("gpl-2.0", "gpl-3.0"),
        ("cc-by-sa-3.0", "cc-by-sa-4.0"),
        ("cc-by-nc-4.0", "Clinic Licence"),
        (None, "mit"),
    ],
)
def test_what_it_allows_passes(make_run, base, model):
    assert licensed(make_run, base, model=model).license in (model, "other")


@pytest.mark.parametrize(
    ("base", "data", "said"),
    [
        ("cc-by-nc-sa-4.0", None, ["encoder's licence (cc-by-nc-sa-4.0) allows no commercial use", "shared alike"]),
        ("llama3", None, ["restricts what it may be used for"]),
        ("Clinic Licence", None, ["is of its own kind (clinic licence)"]),
        (None, None, ["The encoder's licence was not stated"]),
        ("mit", "cc-by-nc-4.0", ["data's licence (cc-by-nc-4.0) allows no commercial use; whether a model is derived"]),
        ("mit", "cc-by-sa-4.0", ["data's licence (cc-by-sa-4.0) asks that"]),
        ("mit", "cc-by-nd-4.0", ["allows no changed copies of the data"]),
        ("mit", "unknown", ["The licence of the data is not known."]),
        ("mit", None, []),
    ],
)
def test_the_card_tells_what_someone_must_know(make_run, base, data, said):
    card = licensed(make_run, base, data)
    section = render_card(card).split("\n## Licence\n")[1]
    for words in said:
        assert words in section
    assert len(card.licence_flags) == len(said)
    limits = "\n".join(card.limits)
    assert ("**Not for commercial use**, by the licence of the" in limits) == any(
        "-nc-" in (x or "") for x in (base, data)
    )


def test_a_model_without_an_encoder_has_no_encoders_licence(make_run):
    assert licence_flags("mit", make_run("tfidf").facts) == []


def test_every_licence_of_the_hub_is_sorted():
    binding = {name for name in LICENCES if forbids_commerce(name) or forbids_changes(name) or share_alike(name)}
    assert {name for name in LICENCES if "-nc-" in name or "-nd-" in name or "-sa-" in name or "gpl" in name} <= binding
    assert not binding & {"apache-2.0", "mit", "cc-by-4.0", "cc0-1.0", "bsd-3-clause", "openrail", "unknown", "other"}
