"""Hugging Face plugins for clinical text: train, check, publish and demonstrate models.

The package loads nothing heavy by itself: each name below is imported from its room on first use.

>>> import secondopinion
>>> secondopinion.__version__
'0.1.0'
"""

from .core.lazy import lazy_exports

__version__ = "0.1.0"

_EXPORTS = {
    "AdeCorpusV2Builder": ".dataset_scripts.ade_corpus_v2",
    "ClinicalProcessor": ".modeling",
    "DeferralConfig": ".modeling",
    "DeferralForSequenceClassification": ".modeling",
    "MaudeBuilder": ".dataset_scripts.maude",
    "Folds": ".training.folds",
    "MimicIvOutcomeBuilder": ".dataset_scripts.mimic_iv_outcome",
    "PooledEncoderConfig": ".modeling",
    "PooledEncoderForSequenceClassification": ".modeling",
    "Recipe": ".training.recipe",
    "RunFolder": ".core.run_folder",
    "ask": ".training",
    "defer": ".training",
    "evaluate_run": ".training",
    "load_recipe": ".training.recipe",
    "make_folds": ".training.folds",
    "prepare": ".dataset_scripts",
    "push_dataset": ".model_cards",
    "push_run": ".model_cards",
    "train": ".training",
}

__all__ = ["__version__", *sorted(_EXPORTS)]
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
