import errno
import json
import os

import pytest

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.core.files import (
    atomic_file,
    atomic_folder,
    partial_name,
    read_json,
    remove_partials,
    write_json,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.json"
    write_json(target, {"a": 1})

    def fail():
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert read_json(target) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "model"
    for content in ("old", "new"):
        with atomic_folder(target) as temporary:
            (temporary / content).write_text(content)
    assert [p.name for p in target.iterdir()] == ["new"]

    def fail():
        with atomic_folder(target) as temporary:
            (temporary / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert [p.name for p in target.iterdir()] == ["new"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("writer", [atomic_file, atomic_folder])
def test_a_full_disk_says_what_to_do(tmp_path, code, writer):
    def fill():
        with writer(tmp_path / "out"):
            raise OSError(code, os.strerror(code))

    with pytest.raises(DiskFullError, match=r"no room left on the disk.*Free some space.*it continues"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_other_errors_pass_through(tmp_path):
    def fail():
        with atomic_file(tmp_path / "x"):
            raise OSError(errno.EIO, "I/O error")

    with pytest.raises(OSError, match="I/O error") as caught:
        fail()
    assert not isinstance(caught.value, DiskFullError)


def test_what_a_killed_run_left_is_removed(tmp_path):
    partial_name(tmp_path / "a").mkdir()
    partial_name(tmp_path / "b").write_text("half")
    (tmp_path / "kept").write_text("whole")
    remove_partials(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_json_is_plain_sorted_and_finite(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": "é"})
    assert path.read_text() == '{\n  "a": "é",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text())["b"] == 1


def test_unreadable_json_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_json(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"cut.json is not valid JSON.*cut off"):
        read_json(tmp_path / "cut.json")
