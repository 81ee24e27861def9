"""int8: calibrated on training rows, measured on held-out ones, refused where it costs more than it may."""

import numpy as np
import pytest
from tiny_encoder import save_encoder, save_reports
from typer.testing import CliRunner

from secondopinion.cli.app import app
from secondopinion.core.errors import InputError
from secondopinion.core.files import read_json
from secondopinion.core.run_folder import RunFolder
from secondopinion.scoring.opening import open_model
from secondopinion.training import load_recipe, train
from secondopinion.training import quantization as module

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that learnt its reports, and their folder."""
    root = tmp_path_factory.mktemp("quantization")
    data = save_reports(root / "data", rows=160)
    recipe = {
        "name": "tiny",
        "model": {"encoder": str(save_encoder(root / "encoder")), "max_length": 32},
        "training": {"epochs": 3, "seed": 3, "learning_rate": 0.01},
        "folds": {"n_splits": 2, "train": [1]},
        "resamples": 20,
    }
    train(load_recipe(recipe), data, root / "run")
    return root / "run", data


def test_an_int8_form_is_made_measured_and_used(trained):
    run, _ = trained
    said = CliRunner().invoke(app, ["quantize", str(run), "--max-loss", "1", "--rows", "40"])
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("macro_f1 on 80 held-out rows: ")
    assert "--precision int8" in said.stdout
    (folder,) = (run / "backends").glob("*/openvino-int8")
    record = read_json(folder / "conversion.json")["measured"]
    assert record["loss"] == pytest.approx(record["float32"] - record["int8"])
    assert record["low"] <= -record["loss"] <= record["high"]
    small = open_model(run, precision="int8")
    whole = open_model(run, precision="float32")
    assert small.scorer.backend.facts()["precision"] == "int8"
    texts = ["patient died death", "failed broke the lead", "injury hospital of the patient", "battery of a device"]
    apart = np.abs(small.scorer.score(texts).outputs["logits"] - whole.scorer.score(texts).outputs["logits"]).max()
    assert 0 < apart < 1
    # Whatever a text is padded to.
    together = small.scorer.score(texts).outputs["logits"]
    alone = np.concatenate([small.scorer.score([text]).outputs["logits"] for text in texts])
    assert np.abs(together - alone).max() < 1e-4
    facts = RunFolder.open(run).facts
    assert record["rows"] == facts["folds"]["sizes"][0]
    # The very rows that the fold was measured on.
    assert record["float32"] == pytest.approx(facts["fold_results"][0]["figures"]["macro_f1"], abs=1e-6)


def test_beyond_what_may_be_lost_nothing_is_kept(trained, tmp_path):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(trained[0], run, ignore=shutil.ignore_patterns("openvino-int8"))
    with pytest.raises(InputError, match=r"int8 loses -?0\.\d+ macro_f1 on 80 held-out rows .*; nothing was kept"):
        module.quantize_run(run, trained[1], max_loss=-1.0, calibration_rows=20)
    assert not list(run.rglob("openvino-int8*"))
    with pytest.raises(InputError, match="none was made; make it from the run"):
        open_model(run, precision="int8")


def test_what_cannot_be_quantized(make_run, trained):
    with pytest.raises(InputError, match="kind tfidf; int8 is for encoders"):
        module.quantize_run(make_run("tfidf").path)
    with pytest.raises(InputError, match="0 rows to calibrate on"):
        module.quantize_run(trained[0], calibration_rows=0)
