"""ADE Corpus V2: sentences that tell of adverse drug effects; see README.md beside this file."""

from .ade_corpus_v2 import AdeCorpusV2Builder
from .configuration import AdeCorpusV2Config
from .prepare import prepare
from .sentences import LABEL_NAMES

__all__ = ["LABEL_NAMES", "AdeCorpusV2Builder", "AdeCorpusV2Config", "prepare"]
