"""From what was measured to what others find on the Hub, and back: is it what it says?

>>> from secondopinion.publishing import verify
>>> verify("my-team/maude-severity", "data/maude")  # doctest: +SKIP
"""

from ..core.lazy import lazy_exports

_EXPORTS = {
    "Claim": ".claim",
    "push_all": ".whole_run",
    "push_metric": ".metrics",
    "push_space": ".spaces",
    "verify": ".verification",
}

__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
