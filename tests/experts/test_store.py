"""The store of paid answers: what is on disk, what is spent, who may hold it."""

import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from secondopinion.core.errors import InputError
from secondopinion.experts.store import Settled, StoredAnswer, VoteStore, open_store


def answer(key, cost=0.01, **more):
    return StoredAnswer(key, "tiny", label="yes", cost_usd=cost, **more)


def keep(store, key, cost=0.01, most=0.02, **more):
    attempt = store.reserve(key, "tiny", most)
    store.write([attempt])
    store.write([Settled(attempt, answer(key, cost, **more))])


def test_answers_come_back_and_costs_add_up(tmp_path):
    path = tmp_path / "deep" / "votes.sqlite"
    with open_store(path) as store:
        attempts = [store.reserve(f"k{n}", "tiny", 0.02) for n in range(1200)]
        store.write(attempts)
        store.write([Settled(one, answer(one.key, probabilities=[0.5, 0.5])) for one in attempts])
    with open_store(path) as store:
        found = list(store.each([f"k{n}" for n in range(1300)]))
        assert len(found) == 1200
        assert found[0].probabilities == [0.5, 0.5]
        assert store.spent_usd("tiny") == pytest.approx(12.0)
        assert store.spent_usd("other") == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["votes.sqlite"]


def test_what_is_set_aside_counts_against_the_cap():
    store = VoteStore()
    one = store.reserve("a", "tiny", 0.4, cap=1.0)
    two = store.reserve("b", "tiny", 0.4, cap=1.0)
    assert store.reserve("c", "tiny", 0.4, cap=1.0) is None
    assert store.reserve("c", "other", 0.4, cap=1.0) is not None
    store.write([one, two])
    store.write([Settled(one, answer("a", 0.1)), Settled(two)])
    assert store.spent_usd("tiny") == pytest.approx(0.1)
    assert store.reserve("c", "tiny", 0.9, cap=1.0) is not None


def test_attempts_without_a_known_end_count_in_full(tmp_path):
    path = tmp_path / "votes.sqlite"
    with open_store(path) as store:
        lost, killed = store.reserve("a", "tiny", 0.3), store.reserve("b", "tiny", 0.2)
        store.write([lost, killed])
        store.write([Settled(lost, lost=True)])
        assert store.spent_usd("tiny") == pytest.approx(0.3)
    with open_store(path) as store:
        assert store.spent_usd("tiny") == pytest.approx(0.5)
        keep(store, "b", 0.05)
        assert store.spent_usd("tiny") == pytest.approx(0.55)


def test_an_answer_asked_anew_was_paid_twice(tmp_path):
    path = tmp_path / "votes.sqlite"
    with open_store(path) as store:
        keep(store, "a", 0.1)
        keep(store, "a", 0.2)
        assert [one.cost_usd for one in store.each(["a"])] == [0.2]
        assert store.spent_usd("tiny") == pytest.approx(0.3)
    with open_store(path) as store:
        assert store.spent_usd("tiny") == pytest.approx(0.3)


def test_a_key_is_asked_by_one_call_at_a_time():
    store = VoteStore()
    began = store.writes
    assert store.claim("a", began) is True
    assert store.claim("a", began) is False
    keep(store, "a")
    store.release("a")
    assert store.claim("a", began) is None
    assert store.claim("a", store.writes) is True


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "votes.sqlite"
    code = (
        "import sys\nfrom secondopinion.experts.store import open_store\n"
        f"with open_store({str(path)!r}):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(InputError, match=r"another process is asking with the store .*wait until it is done"):
            VoteStore(path)
        other.kill()
        other.wait(10)
        with open_store(path) as store:
            keep(store, "a")
    finally:
        other.kill()
        other.communicate()


def test_one_process_shares_it_among_threads(tmp_path):
    path = tmp_path / "votes.sqlite"
    errors = []

    def work(name):
        try:
            with open_store(path) as store:
                for n in range(20):
                    keep(store, f"{name}{n}")
        except Exception as error:
            errors.append(error)

    with open_store(path) as outer:
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(list(outer.each([f"{name}{n}" for name in "abcd" for n in range(20)]))) == 80


def test_what_is_no_store_is_left_alone(tmp_path):
    text, other, newer = tmp_path / "text.sqlite", tmp_path / "other.sqlite", tmp_path / "newer.sqlite"
    text.write_text("not a database, but longer than its header, " * 20, encoding="utf-8")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with open_store(newer):
        pass
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for path, message in ((text, "damaged"), (other, "not a store of votes"), (newer, "not a store of votes")):
        before = path.read_bytes() if path == text else None
        with pytest.raises(InputError, match=message):
            VoteStore(path)
        assert before is None or path.read_bytes() == before


def test_a_full_disk_is_said_so(tmp_path):
    with open_store(tmp_path / "votes.sqlite") as store:
        keep(store, "a")
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(OSError, match="no room left on the disk"):
            keep(store, "b", raw="x" * 100_000)
        store._connection.execute("PRAGMA max_page_count=100000")
        keep(store, "c")
        assert sorted(one.key for one in store.each(["a", "b", "c"])) == ["a", "c"]
