import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.maude import MaudeBuilder, MaudeConfig


class TestBuilder:
    def test_the_documented_way(self, partitions, tmp_path, load):
        builder = MaudeBuilder(cache_dir=str(tmp_path / "cache"), source=str(partitions))
        builder.download_and_prepare(file_format="parquet")
        rows = builder.as_dataset(split="train")
        assert len(rows) == 120
        assert rows.features["label"].names == ["Death", "Injury", "Malfunction", "Other"]
        assert builder.facts["rows"] == 120
        prepare("maude", partitions, tmp_path / "out")
        assert not list((tmp_path / "cache").glob("maude-work/*"))
        assert rows["text"] == load(tmp_path / "out")["text"]

    def test_it_is_kept_in_the_cache_until_the_source_changes(self, partitions, tmp_path, reports, zipped):
        def build(**options):
            builder = MaudeBuilder(cache_dir=str(tmp_path / "cache"), source=str(partitions), **options)
            builder.download_and_prepare()
            return builder

        first = build()
        assert build().cache_dir == first.cache_dir
        assert build().facts == first.facts
        assert build(limit=50).cache_dir != first.cache_dir
        zipped(partitions / "device-event-0002-of-0003.json.zip", reports(500, 60))
        assert build().facts["rows"] == 140

    def test_the_key_is_not_in_the_name_of_the_cache(self, tmp_path):
        builder = MaudeBuilder(cache_dir=str(tmp_path), source="api", api_key="K3Y")
        assert "K3Y" not in builder.cache_dir
        assert builder.cache_dir == MaudeBuilder(cache_dir=str(tmp_path), source="api").cache_dir

    def test_it_streams(self, partitions, tmp_path):
        builder = MaudeBuilder(cache_dir=str(tmp_path / "cache"), source=str(partitions), limit=10)
        assert len(list(builder.as_streaming_dataset(split="train"))) == 10

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "needs a source"),
            ({"source": "x", "naratives": "description"}, "unknown option 'naratives' .*did you mean 'narratives'"),
            ({"source": "x", "narratives": "descripton"}, "did you mean 'description'"),
            ({"source": "x", "redaction": "blur"}, "redaction is 'blur'; expected one of: mark, drop, keep"),
            ({"source": "x", "limit": 0}, "limit is 0"),
            ({"source": "x", "page_size": 5000}, "page_size is 5000; openFDA gives 1 to 1,000"),
            ({"source": "x", "near_duplicates": 0}, "near_duplicates is 0"),
            ({"source": "x", "max_characters": 0}, "max_characters is 0"),
        ],
    )
    def test_options_are_checked(self, tmp_path, options, message):
        with pytest.raises(InputError, match=message):
            MaudeBuilder(cache_dir=str(tmp_path), **options)

    def test_narratives_by_name_or_list(self):
        assert MaudeConfig(source="x", narratives="description+additional").narratives == ("description", "additional")
        assert MaudeConfig(source="x", narratives=["additional"]).narratives == ("additional",)
