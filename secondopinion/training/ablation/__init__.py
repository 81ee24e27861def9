"""What each piece of a recipe brings: variants of it, trained on the same folds and compared row by row."""

from ...core.lazy import lazy_exports

_EXPORTS = {
    "Factor": ".factors",
    "Variant": ".variants",
    "ablate": ".study",
    "ablation_markdown": ".table",
    "factors_of": ".factors",
    "variants_of": ".variants",
}

__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
