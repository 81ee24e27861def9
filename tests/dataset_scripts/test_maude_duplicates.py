import itertools
import random

import numpy as np
import pytest

from secondopinion.dataset_scripts.maude.duplicates import (
    THRESHOLD,
    BucketIndex,
    Forest,
    SignatureFile,
    Signer,
    band_hashes,
    bucket_pairs,
    join_buckets,
    join_similar,
)
from secondopinion.dataset_scripts.maude.shingles import word_hashes


def similarity(a, b):
    a, b = set(word_hashes(a)[1].tolist()), set(word_hashes(b)[1].tolist())
    return len(a & b) / len(a | b)


def test_equal_words_have_equal_hashes_whatever_the_punctuation():
    assert word_hashes("The pump, stopped!")[0] == word_hashes("the PUMP stopped")[0]
    assert word_hashes("the pump stopped")[0] != word_hashes("the pump started")[0]


def test_numbers_differ_in_the_text_but_not_in_its_shingles():
    (a, one), (b, two) = word_hashes("lot 123 was bent in 2019"), word_hashes("lot 9 was bent in 2021")
    assert a != b
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("text", ["", "pump", "pump stopped"])
def test_short_texts_have_one_shingle(text):
    assert len(word_hashes(text)[1]) == 1


def test_a_signature_estimates_the_jaccard_similarity():
    rng = random.Random(0)
    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    base = rng.sample(words, 300)
    for changed in (5, 20, 60):
        other = base.copy()
        for place in rng.sample(range(300), changed):
            other[place] = "zz" + other[place]
        one, two = (Signer()(word_hashes(" ".join(w))[1]) for w in (base, other))
        expected = similarity(" ".join(base), " ".join(other))
        assert abs((one == two).mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 128)


def test_buckets_come_back_whole_and_sorted(tmp_path):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 500, dtype=np.uint64)[rng.integers(0, 500, 4000)]
    rows, order = np.arange(4000, dtype=np.uint64), rng.integers(0, 2**63, 4000, dtype=np.uint64)
    index = BucketIndex(tmp_path / "index", 2_000_000)
    assert index.partitions > 8
    for part in np.array_split(np.arange(4000), 7):
        index.add(hashes[part], order[part], rows[part])
    found = {}
    for seen, members in index:
        for value, group in itertools.groupby(zip(seen.tolist(), members.tolist(), strict=True), key=lambda p: p[0]):
            assert value not in found
            found[value] = [row for _, row in group]
    values, counts = np.unique(hashes, return_counts=True)
    assert set(found) == set(values[counts > 1].tolist())
    for value, members in found.items():
        here = np.flatnonzero(hashes == value)
        assert members == here[np.argsort(order[here], kind="stable")].tolist()


def test_pairs_are_linear_in_the_size_of_a_bucket():
    left, right = bucket_pairs(np.array([5, 5, 5, 5, 9, 9], dtype=np.uint64), np.array([3, 1, 8, 2, 4, 7]))
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))
    assert pairs == {(3, 1), (3, 8), (3, 2), (1, 8), (8, 2), (4, 7)}


def test_union_find_agrees_with_scipy(tmp_path):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rng = np.random.default_rng(3)
    left, right = rng.integers(0, 3000, (2, 1800))
    forest = Forest(tmp_path / "parent", 3000)
    for part in np.array_split(np.arange(1800), 9):
        forest.union(left[part], right[part])
    count, expected = connected_components(
        coo_array((np.ones(1800), (left, right)), shape=(3000, 3000)), directed=False
    )
    roots = forest.find(np.arange(3000))
    assert len(set(zip(roots.tolist(), expected.tolist(), strict=True))) == count
    assert forest.trees(np.ones(3000, dtype=bool)) == count
    assert (roots <= np.arange(3000)).all()


def test_a_long_chain_is_one_tree(tmp_path):
    forest = Forest(tmp_path / "parent", 5000)
    order = np.random.default_rng(0).permutation(4999)
    forest.union(order, order + 1)
    assert (forest.find(np.arange(5000)) == 0).all()


def test_join_buckets_names_the_copies(tmp_path):
    forest = Forest(tmp_path / "parent", 6)
    copies = join_buckets(forest, np.array([1, 1, 1, 2, 2], dtype=np.uint64), np.array([4, 0, 2, 1, 5]))
    assert copies.tolist() == [0, 2, 5]
    assert forest.find(np.arange(6)).tolist() == [0, 1, 0, 3, 0, 1]


def test_signatures_are_gathered_in_any_order(tmp_path):
    minima = np.random.default_rng(0).integers(0, 2**32, (5000, 128), dtype=np.uint32)
    minima.tofile(tmp_path / "minima")
    file = SignatureFile(tmp_path / "minima")
    rows = np.array([4999, 0, 17, 18, 17, 2500, 30, 1])
    np.testing.assert_array_equal(file.gather(rows), minima[rows])
    np.testing.assert_array_equal(file.gather(np.arange(5000)), minima)
    file.close()


def test_near_copies_are_found_and_unlike_texts_are_not(tmp_path):
    rng = random.Random(5)
    words = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "lmnrst"]
    letters = [" ".join(rng.choices(words, k=80)) for _ in range(12)]
    texts, template = [], []
    for number, letter in enumerate(letters):
        for _ in range(25):
            changed = letter.split()
            for place in rng.sample(range(80), rng.choice((0, 1, 2))):
                changed[place] = rng.choice(words)
            texts.append(" ".join(changed))
            template.append(number)
    signer = Signer()
    minima = np.stack([signer(word_hashes(text)[1]) for text in texts])
    minima.astype("<u4").tofile(tmp_path / "minima")
    index = BucketIndex(tmp_path / "bands", len(texts) * 25)
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64), 25)
    index.add(band_hashes(minima).ravel(), rows, rows)
    forest, file = Forest(tmp_path / "parent", len(texts)), SignatureFile(tmp_path / "minima")
    join_similar(forest, index, file)
    file.close()
    roots = forest.find(np.arange(len(texts)))
    for a, b in itertools.combinations(range(len(texts)), 2):
        if template[a] != template[b]:
            assert roots[a] != roots[b]
        elif similarity(texts[a], texts[b]) > THRESHOLD + 0.1:
            assert roots[a] == roots[b]
