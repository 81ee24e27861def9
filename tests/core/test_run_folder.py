import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.core.run_folder import REQUIRED, RunFolder, local_paths


def complete(**changes):
    return {**{key: {} for key in REQUIRED}, "fold_results": [], **changes}


def test_facts_are_written_and_read(tmp_path):
    run = RunFolder(tmp_path / "r")
    run.write_facts(complete(selection={"fold": 3}))
    again = RunFolder.open(tmp_path / "r")
    assert again.selected_fold == 3
    assert again.facts["schema_version"] == 1


def test_missing_parts_and_local_paths_are_refused(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(InputError, match=r"run.json lacks .*folds.*selection"):
        run.write_facts({"recipe": {}})
    with pytest.raises(InputError, match=r"paths of this machine: recipe.data.0: /home/ann/x"):
        run.write_facts(complete(recipe={"data": ["/home/ann/x"]}))
    assert not run.facts_file.exists()


@pytest.mark.parametrize("value", ["/a/b", "~/x", "file:///x", "C:\\Users\\ann", "\\\\server\\share"])
def test_paths_are_recognised(value):
    assert list(local_paths({"k": value})) == [f"k: {value}"]


@pytest.mark.parametrize("value", ["ns/name", "/", "a/b/c.yaml", "120/80", "ratio 1/2"])
def test_what_is_no_path_passes(value):
    assert list(local_paths({"k": value})) == []


def test_opening_what_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"not a finished run.*secondopinion train"):
        RunFolder.open(tmp_path)
    (tmp_path / "run.json").write_text('{"schema_version": 99}')
    with pytest.raises(InputError, match="schema_version is 99, this version reads 1"):
        RunFolder.open(tmp_path)


def test_a_run_without_selection_says_so(tmp_path):
    run = RunFolder(tmp_path)
    run.write_facts(complete())
    with pytest.raises(InputError, match="records no selection"):
        _ = run.selected_fold


def test_a_policy_forbids_until_the_agreement_is_named():
    policy = CorpusPolicy("other", False, False, False, agreement="PhysioNet DUA 1.5")
    with pytest.raises(InputError, match="do not allow publishing a model.*--agreement 'PhysioNet DUA 1.5'"):
        policy.require_publish_models("mimic")
    with pytest.raises(InputError):
        policy.require_publish_models("mimic", "another")
    policy.require_publish_models("mimic", "PhysioNet DUA 1.5")
    assert CorpusPolicy.from_dict(policy.as_dict()) == policy
