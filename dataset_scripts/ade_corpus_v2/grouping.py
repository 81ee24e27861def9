"""Which articles belong together, so that no sentence and no near copy of it stands on both sides of a split.

Articles (PubMed ids) are joined where they share a sentence, or hold near copies: two sentences whose sets of runs
of three words have at least a given Jaccard similarity. Candidates come from prefix filtering (Chaudhuri, Ganti and
Kaushik 2006): with its shingles ordered from rare to common, a set of n can reach similarity t with another only if
the two share one of its first n - ceil(t n) + 1. So no pair is missed, and few are compared.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..maude.shingles import word_hashes
from .sentences import Sentence, number_order


@dataclass(frozen=True)
class Groups:
    """The result.

    Attributes:
        names: (sentences,) the group of each: its smallest PubMed id.
        facts: for prepare.json.
    """

    names: list[str]
    facts: dict[str, Any]


def group_sentences(sentences: Sequence[Sentence], threshold: float) -> Groups:
    """Join the articles of shared sentences and of near copies.

    Args:
        sentences: unique ones.
        threshold: Jaccard similarity from which two sentences are near copies, above 0 and at most 1.
    """
    articles = sorted({p for sentence in sentences for p in sentence.pubmed_ids}, key=number_order)
    number = {pubmed_id: i for i, pubmed_id in enumerate(articles)}
    parent = list(range(len(articles)))

    def find(article: int) -> int:
        while parent[article] != article:
            parent[article] = parent[parent[article]]
            article = parent[article]
        return article

    def join(one: str, two: str) -> bool:
        a, b = find(number[one]), find(number[two])
        parent[max(a, b)] = min(a, b)
        return a != b

    shared = sum(join(s.pubmed_ids[0], other) for s in sentences for other in s.pubmed_ids[1:])
    pairs = near_copies([sentence.text for sentence in sentences], threshold)
    near = sum(join(sentences[a].pubmed_ids[0], sentences[b].pubmed_ids[0]) for a, b in pairs)
    names = [articles[find(number[sentence.pubmed_ids[0]])] for sentence in sentences]
    rows, members = Counter(names), Counter(articles[find(i)] for i in range(len(articles)))
    return Groups(
        names,
        {
            "articles": len(articles),
            "articles_with_a_related_sentence": len({line.pubmed_id for s in sentences for line in s.relations}),
            "sentences_of_several_articles": sum(len(s.pubmed_ids) > 1 for s in sentences),
            "articles_joined_by_a_shared_sentence": shared,
            "near_copies": len(pairs),
            "near_copies_labelled_otherwise": sum(sentences[a].label != sentences[b].label for a, b in pairs),
            "articles_joined_by_near_copies": near,
            "groups_of_several_articles": sum(size > 1 for size in members.values()),
            "articles_in_groups_of_several": sum(size for size in members.values() if size > 1),
            "largest_group_articles": max(members.values(), default=0),
            "largest_group": max(rows.values(), default=0),
            "threshold": threshold,
        },
    )


def near_copies(texts: Sequence[str], threshold: float) -> list[tuple[int, int]]:
    """Return the pairs of texts whose runs of three words have at least a Jaccard similarity.

    Letter case and punctuation do not count, and every number is the same number.

    >>> near_copies(["A rash on day 3 of treatment.", "a rash on day 12 of treatment", "No rash."], 0.7)
    [(0, 1)]
    """
    sets = [set(word_hashes(text)[1].tolist()) for text in texts]
    common = Counter(shingle for one in sets for shingle in one)
    holders: defaultdict[int, list[int]] = defaultdict(list)
    pairs = []
    for row in sorted(range(len(sets)), key=lambda i: (len(sets[i]), i)):
        one = sets[row]
        prefix = sorted(one, key=lambda s: (common[s], s))[: len(one) - math.ceil(threshold * len(one)) + 1]
        candidates = {other for shingle in prefix for other in holders[shingle]}
        for other in candidates:
            both = len(one & sets[other])
            if both >= threshold * (len(one) + len(sets[other]) - both):
                pairs.append((min(row, other), max(row, other)))
        for shingle in prefix:
            holders[shingle].append(row)
    return sorted(pairs)
