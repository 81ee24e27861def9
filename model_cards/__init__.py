"""From the facts of a run to a card, and from a run folder to a folder or a repository on the Hub.

>>> from secondopinion.model_cards import push_run
>>> push_run("runs/maude_offline", "./published")  # doctest: +SKIP
"""

from secondopinion.core.lazy import lazy_exports

_EXPORTS = {
    "CardData": ".data",
    "PushResult": ".delivery",
    "card_data": ".data",
    "checked_card": ".render",
    "preview_html": ".preview",
    "publish": ".push",
    "push_dataset": ".folders",
    "push_run": ".push",
    "push_space_folder": ".folders",
    "render_card": ".render",
    "validate_card": ".validate",
}

__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
