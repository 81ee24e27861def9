"""Recipe → folds → training → run folder.

>>> from secondopinion.training import load_recipe
>>> load_recipe("maude_offline").model.pooling
'cls_mean_concat'
"""

from ..core.lazy import lazy_exports

_EXPORTS = {
    "DeferralSpec": ".deferral_recipe",
    "Folds": ".folds",
    "Recipe": ".recipe",
    "TfidfClassifier": ".baseline",
    "Threshold": ".threshold",
    "ThresholdRule": ".threshold_rule",
    "ablate": ".ablation",
    "ask": ".asking",
    "defer": ".deferral",
    "evaluate_run": ".evaluate",
    "load_recipe": ".recipe",
    "make_folds": ".folds",
    "quantize_run": ".quantization",
    "train": ".run",
}

__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
