"""The words that the Hub knows: licences, tasks, languages, and how repositories are named.

Licences: https://huggingface.co/docs/hub/repositories-licenses. Tasks: those on text among `packages/tasks` of
huggingface.js. Languages: the two-letter codes of ISO 639-1.
"""

from __future__ import annotations

import re

_LICENCES = """
afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bigcode-openrail-m bigscience-bloom-rail-1.0 bigscience-openrail-m
bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0
cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0
cdla-sharing-1.0 creativeml-openrail-m deepfloyd-if-license ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2
gemma gfdl gpl gpl-2.0 gpl-3.0 intel-research isc lgpl lgpl-2.1 lgpl-3.0 lgpl-lr llama2 llama3 llama3.1 llama3.2
llama3.3 llama4 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail openrail++ osl-3.0 other
pddl postgresql unknown unlicense wtfpl zlib
"""

_PIPELINE_TAGS = """
document-question-answering feature-extraction fill-mask multiple-choice question-answering
sentence-similarity summarization table-question-answering tabular-classification tabular-regression
text-classification text-generation text-ranking token-classification translation zero-shot-classification
"""

_LANGUAGES = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu
ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr
ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""

LICENCES = frozenset(_LICENCES.split())
PIPELINE_TAGS = frozenset(_PIPELINE_TAGS.split())
LANGUAGES = frozenset(_LANGUAGES.split())

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
REPO_ID = re.compile(rf"{_PART}/{_PART}")
DATASET_ID = re.compile(rf"{_PART}(?:/{_PART})?")


def is_repo_id(value: object) -> bool:
    """Whether `value` can name a repository on the Hub: `namespace/name`, 96 characters at most.

    >>> is_repo_id("emilyalsentzer/Bio_ClinicalBERT"), is_repo_id("bert"), is_repo_id("a/b/c")
    (True, False, False)
    """
    if not isinstance(value, str) or len(value) > 96 or not REPO_ID.fullmatch(value):
        return False
    return "--" not in value and ".." not in value and not value.endswith(".git")
