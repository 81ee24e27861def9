"""A model's result on a benchmark of the Hub, as `.eval_results/*.yaml`, the successor of `model-index`.

The Hub shows such a file on the model's page and on the benchmark's leaderboard. It holds one value a task, and the
task must be one that the benchmark's own `eval.yaml` names: https://huggingface.co/docs/hub/eval-results. So nothing
is written for a data set that is no benchmark, or where nobody says which of its tasks was measured.
"""

from __future__ import annotations

import re
from typing import Any

from secondopinion.core.errors import InputError

from .data import CardData
from .tables import slug

FOLDER = ".eval_results"


def eval_results(data: CardData) -> dict[str, str]:
    """Return {path: text} of the result files; none without a data set on the Hub and a task of it.

    The value is the figure that the model's page begins with; of a deferring system, the classifier's alone.

    Args:
        data: see `card_data`; `benchmark_task` names the task.

    Raises:
        InputError: a task is named, but the data set is not on the Hub.
    """
    if data.benchmark_task is None:
        return {}
    if data.dataset_id is None:
        raise InputError(
            f"a result for the task {data.benchmark_task!r} needs the benchmark's name on the Hub: give --dataset-id "
            "namespace/name"
        )
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    figure = data.headline_metric()
    finished = re.match(r"\d{4}-\d{2}-\d{2}", str(data.facts.get("finished_at") or ""))
    entry = EvalResultEntry(
        dataset_id=data.dataset_id,
        task_id=data.benchmark_task,
        value=figure["value"],
        date=finished[0] if finished else None,
        source_url=f"https://huggingface.co/{data.repo_id}" if data.repo_id else None,
        source_name="Model card" if data.repo_id else None,
        notes=figure["name"],
    )
    text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True, width=10_000)
    require_eval_results(text)
    return {f"{FOLDER}/{slug(data.dataset_id)}-{slug(data.benchmark_task)}.yaml": text}


def require_eval_results(text: str) -> None:
    """Raise unless `huggingface_hub` reads a result file, and reads in it what was written.

    Raises:
        InputError: it does not.

    >>> require_eval_results("- dataset: {id: cais/hle}\\n  value: 20.9\\n")
    Traceback (most recent call last):
    ...
    secondopinion.core.errors.InputError: the evaluation result lacks 'task_id'; it needs dataset.id, dataset.task_id...
    """
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries

    needed = "it needs dataset.id, dataset.task_id and a value"
    try:
        rows: Any = yaml.safe_load(text)
        entries = parse_eval_result_entries(rows)
    except KeyError as error:
        raise InputError(f"the evaluation result lacks {error}; {needed}") from None
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"the evaluation result cannot be read ({error}); {needed}") from None
    if eval_result_entries_to_yaml(entries) != rows:
        raise InputError(f"the evaluation result holds more than the Hub reads of it; {needed}")
