"""A corpus cut into shards: every row once, in order, from every kind of source, from any place on."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.maude.synthetic import write_partition
from secondopinion.scoring.corpus.shards import ShardReader, plan_shards
from secondopinion.scoring.corpus.sources import open_sources

ROWS = [{"id": f"r{number}", "text": f"report {number}\nsecond line", "year": 2000 + number} for number in range(700)]


def write(folder, kind, rows=ROWS):
    path = folder / f"reports.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=150)
    elif kind == "csv":
        import csv

        with open(path, "w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        lines = "\n\n".join(json.dumps(row) for row in rows) + "\n"
        path.write_bytes(gzip.compress(lines.encode()) if kind.endswith("gz") else lines.encode())
    return path


def read(sources, shards, **columns):
    reader = ShardReader(sources, columns.get("id", "id"), columns.get("text", "text"), columns.get("keep", ()))
    parts = [part for shard in shards for part in reader.read(shard)]
    return [pair for part in parts for pair in zip(part.ids, part.texts, strict=True)]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "jsonl.gz"])
def test_every_row_is_read_once_in_order_and_from_any_shard_on(tmp_path, kind):
    sources = open_sources([write(tmp_path, kind)])
    plan = plan_shards(sources, rows_per_shard=64)
    expected = [(row["id"], row["text"]) for row in ROWS]
    assert [shard.rows for shard in plan.shards] == [64] * 10 + [60]
    assert read(sources, plan.shards) == expected
    # As a job that goes on after a stop, and a worker that gets shards out of order, read.
    assert read(sources, plan.shards[3:5] + plan.shards[9:]) == expected[192:320] + expected[576:]
    assert read(sources, plan.shards[5:6] + plan.shards[1:2]) == expected[320:384] + expected[64:128]
    assert [len(group) for group in plan.runs()] == ([11] if kind in ("csv", "jsonl.gz") else [1] * 11)


def test_small_files_share_a_shard_and_patterns_and_folders_are_read_in_order(tmp_path):
    for number in range(40):
        (tmp_path / f"note-{number:02d}.txt").write_text(f"note {number}")
    (tmp_path / ".hidden.txt").write_text("not this")
    pattern = plan_shards(open_sources([tmp_path / "*.txt"]), rows_per_shard=16)
    folder = plan_shards(open_sources([tmp_path]), rows_per_shard=16)
    assert [shard.rows for shard in pattern.shards] == [16, 16, 8]
    assert read(pattern.sources, pattern.shards) == read(folder.sources, folder.shards)
    assert read(folder.sources, folder.shards)[17] == ("note-17.txt", "note 17")
    assert plan_shards(open_sources([tmp_path]), limit=20, rows_per_shard=16).rows == 20


def test_partitions_of_openfda_are_cleaned_as_the_model_s_reports_were(tmp_path):
    write_partition(tmp_path, reports=100)
    (path,) = tmp_path.glob("*.zip")
    marked = read(*_planned(path, {"redaction": "mark", "names": "keep", "casing": "keep", "kind": None}))
    lower = read(*_planned(path, None))
    assert len(marked) == len(lower) >= 100
    assert [text.lower() for _, text in marked if text] != [text for _, text in marked if text]
    assert all(text == text.lower() for _, text in lower if text)
    assert all(name.isdigit() for name, _ in lower)


def _planned(path, narratives):
    plan = plan_shards(open_sources([path], narratives=narratives))
    return plan.sources, plan.shards


def test_rows_without_an_id_or_a_text_keep_their_place(tmp_path):
    rows = [{"id": None, "text": "a"}, {"id": "b", "text": None}, {"id": "c", "text": "  "}, {"id": 4, "text": "d"}]
    path = tmp_path / "some.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    sources = open_sources([path])
    found = read(sources, plan_shards(sources).shards)
    assert found == [("some.jsonl:0", "a"), ("b", None), ("c", None), ("4", "d")]


def test_kept_columns_have_their_types_and_classes_their_names(tmp_path):
    import datasets

    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["no", "yes"]),
            "n": datasets.Value("int8"),
        }
    )
    columns = {"text": ["a", "b", "c"], "label": [1, 0, None], "n": [1, None, 3]}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": {"b": 1}, "n": 2}')
    for name, label, number in (("parquet", ["yes", "no", None], [1, None, 3]), ("jsonl", ['{"b": 1}'], ["2"])):
        sources = open_sources([tmp_path / f"rows.{name}"])
        (part,) = ShardReader(sources, "id", "text", ("label", "n")).read(plan_shards(sources).shards[0])
        assert part.kept == {"label": label, "n": number}


def test_long_texts_are_handed_out_a_few_at_a_time(tmp_path):
    rows = [{"id": str(number), "text": "word " * 400_000} for number in range(12)]
    sources = open_sources([write(tmp_path, "parquet", rows)])
    (shard,) = plan_shards(sources).shards
    sizes = [len(part.ids) for part in ShardReader(sources, "id", "text").read(shard, characters_at_once=5_000_000)]
    assert sizes == [3, 3, 3, 3]


def test_unreadable_files_are_all_named_before_anything_is_scored(tmp_path):
    write(tmp_path, "jsonl")
    for name in ("b.parquet", "c.parquet"):
        (tmp_path / name).write_bytes(b"PAR1 cut off")
    with pytest.raises(InputError, match=r"2 of 3 files cannot be read: b.parquet, c.parquet .*--skip-unreadable"):
        plan_shards(open_sources([tmp_path]))
    plan = plan_shards(open_sources([tmp_path]), skip_unreadable=True)
    assert plan.rows == 700
    assert sorted(plan.unreadable) == ["b.parquet", "c.parquet"]


def test_a_parquet_file_that_is_damaged_inside_is_told_when_it_is_read(tmp_path):
    path = write(tmp_path, "parquet")
    whole = bytearray(path.read_bytes())
    metadata = pq.read_metadata(path).row_group(2).column(1)
    start = metadata.dictionary_page_offset or metadata.data_page_offset
    whole[start : start + metadata.total_compressed_size] = b"\xff" * metadata.total_compressed_size
    path.write_bytes(whole)
    sources = open_sources([path])
    plan = plan_shards(sources, rows_per_shard=150)
    assert len(read(sources, plan.shards[:2])) == 300
    with pytest.raises(InputError, match="damaged in its row group 2"):
        read(sources, plan.shards[2:3])
    assert len(read(sources, plan.shards[3:])) == 250


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"id": "a", "narrative": "x"}, {}, r"row 0 has no column 'text' for the text.*--text-column"),
        ({"id": "a", "text": 5}, {}, r"the text of row 0 is of type int; expected a text"),
        ({"id": "a", "text": "SECRET"}, {"keep": ("yaer",)}, r"row 0 has no column 'yaer' to keep"),
    ],
)
def test_wrong_columns(tmp_path, row, columns, message):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    sources = open_sources([path])
    with pytest.raises(InputError, match=message) as caught:
        read(sources, plan_shards(sources).shards, **columns)
    assert "SECRET" not in str(caught.value)


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="no file fits"):
        open_sources([tmp_path / "*.parquet"])
    with pytest.raises(InputError, match="does not exist"):
        open_sources([tmp_path / "none.csv"])
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InputError, match=r"empty.jsonl: there is no row to score"):
        plan_shards(open_sources([tmp_path / "empty.jsonl"]))
    with pytest.raises(InputError, match="limit is 0"):
        plan_shards(open_sources([tmp_path / "empty.jsonl"]), limit=0)
