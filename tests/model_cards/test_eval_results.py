"""Results for a benchmark of the Hub: written only where its data set and task are named, and read back as written."""

import pytest
import yaml

from secondopinion.core.errors import InputError
from secondopinion.model_cards import card_data
from secondopinion.model_cards.eval_results import eval_results, require_eval_results


def test_without_a_benchmark_there_is_none(make_run):
    run = make_run()
    assert eval_results(card_data(run)) == {}
    assert eval_results(card_data(run, dataset_id="ann/maude")) == {}
    with pytest.raises(InputError, match="'severity' needs the benchmark's name on the Hub: give --dataset-id"):
        eval_results(card_data(run, benchmark_task="severity"))


def test_the_headline_is_what_the_hub_reads(make_run):
    from huggingface_hub import EvalResultEntry, parse_eval_result_entries

    run = make_run()
    data = card_data(run, "ann/severity", dataset_id="fda/Maude_1", benchmark_task="severity")
    ((path, text),) = eval_results(data).items()
    assert path == ".eval_results/fda-maude-1-severity.yaml"
    assert eval_results(data) == {path: text}
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert entry == EvalResultEntry(
        dataset_id="fda/Maude_1",
        task_id="severity",
        value=run.facts["summary"]["mean"]["macro_f1"],
        date=run.facts["finished_at"][:10],
        source_url="https://huggingface.co/ann/severity",
        source_name="Model card",
        notes="Macro F1 (out-of-fold, mean over 5 folds)",
    )


def test_answers_are_measured_by_their_first_figure(make_qa_run):
    run = make_qa_run()
    (text,) = eval_results(card_data(run, dataset_id="ann/emrqa", benchmark_task="span")).values()
    ((row,), first) = yaml.safe_load(text), card_data(run).metadata()["model-index"][0]["results"][0]["metrics"][0]
    assert (row["value"], row["notes"]) == (first["value"], first["name"])
    assert "source" not in row


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- dataset: {id: a/b, task_id: c}\n", "lacks 'value'"),
        ("- dataset: [a\n", "cannot be read"),
        ("just words", "cannot be read"),
        ("- dataset: {id: a/b, task_id: c}\n  value: 1\n  metric: f1\n", "holds more than the Hub reads of it"),
    ],
)
def test_what_the_hub_would_not_read_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        require_eval_results(text)
