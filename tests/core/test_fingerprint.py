from hypothesis import given
from hypothesis import strategies as st

from secondopinion.core.fingerprint import RowFingerprint, dataset_fingerprint, file_sha256, pairs_sha1

ROWS = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8)


def fingerprint(rows):
    total = RowFingerprint()
    for row in rows:
        total.update(list(row))
    return total.hexdigest()


@given(ROWS, st.randoms())
def test_order_does_not_matter_and_content_does(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert fingerprint(rows) == fingerprint(shuffled)
    assert fingerprint([*rows, ("new", "row")]) != fingerprint(rows)


def test_a_row_that_repeats_counts():
    assert fingerprint([("a", "b")] * 2) != fingerprint([("a", "b")])


def test_moving_text_between_columns_changes_it():
    assert dataset_fingerprint(["1"], ["ab"], ["c"]) != dataset_fingerprint(["1"], ["a"], ["bc"])


def test_folds_are_named_by_ids_and_folds():
    assert pairs_sha1([("a", 1), ("b", 2)]) != pairs_sha1([("a", 2), ("b", 1)])


def test_lone_surrogates_do_not_stop_it():
    assert len(dataset_fingerprint(["1"], ["broken \ud800 text"], ["x"])) == 32


def test_file_hash_is_sha256(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
