import errno
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from secondopinion.core.errors import DiskFullError, InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.maude import bulk


class TestDamage:
    def cut(self, path):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def test_a_damaged_file_stops_and_the_finished_ones_are_kept(
        self, partitions, tmp_path, reports, zipped, monkeypatch
    ):
        broken = partitions / "device-event-0002-of-0003.json.zip"
        self.cut(broken)
        with pytest.raises(
            InputError,
            match=r"0002-of-0003.json.zip: the file ends early after \d+ whole records and [\d,]+ bytes .*"
            r"1 finished pieces before it are kept .*skip_damaged",
        ):
            prepare("maude", partitions, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        zipped(broken, reports(140, 40))
        opened = []
        read_zip = bulk.read_zip
        monkeypatch.setattr(bulk, "read_zip", lambda path, name: (opened.append(name), read_zip(path, name))[1])
        assert prepare("maude", partitions, tmp_path / "out")["rows"] == 120
        assert opened == ["device-event-0002-of-0003.json.zip", "device-event-0003-of-0003.json.zip"]

    def test_what_is_readable_can_be_kept_and_the_card_says_so(self, partitions, tmp_path, load):
        self.cut(partitions / "device-event-0002-of-0003.json.zip")
        facts = prepare("maude", partitions, tmp_path / "out", skip_damaged=True)
        file = facts["files"]["device-event-0002-of-0003.json.zip"]
        assert not file["complete"]
        assert 80 < facts["rows"] < 120
        assert facts["rows"] == 80 + file["rows"]
        assert "is damaged: the file ends early after" in (tmp_path / "out" / "README.md").read_text()
        assert len(load(tmp_path / "out")) == facts["rows"]

    def test_labels_that_are_none_of_the_four(self, tmp_path, report, zipped):
        source = zipped(tmp_path / "a.json.zip", [report(n, "Near miss") for n in range(3)])
        with pytest.raises(InputError, match=r"none of the 3 reports .*\(3 event type: none of the four\)"):
            prepare("maude", source, tmp_path / "out")

    def test_a_10_mb_narrative_is_cut_and_counted(self, tmp_path, report, zipped, load):
        source = zipped(tmp_path / "a.json.zip", [report(1, text="the pump stopped. " * 600_000), report(2)])
        facts = prepare("maude", source, tmp_path / "out", max_characters=5000)
        assert facts["truncated_narratives"] == 1
        assert max(map(len, load(tmp_path / "out")["text"])) <= 5000


class TestBreaks:
    @pytest.mark.parametrize("stage", ["reading", "indexing", "writing"])
    def test_a_full_disk_leaves_nothing_half_made_and_a_rerun_continues(self, partitions, tmp_path, monkeypatch, stage):
        from secondopinion.dataset_scripts.maude import duplicates, maude

        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            if stage == "reading":
                calls, write_table = [], pq.ParquetWriter.write_table
                patch.setattr(
                    pq.ParquetWriter,
                    "write_table",
                    lambda *a, **k: (calls.append(1), full() if len(calls) > 1 else write_table(*a, **k)),
                )
            elif stage == "indexing":
                patch.setattr(duplicates.BucketIndex, "add", full)
            else:
                patch.setattr(maude.Tally, "add", full)
            with pytest.raises(DiskFullError, match="no room left on the disk .*run the same command again"):
                prepare("maude", partitions, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        opened = []
        read_zip = bulk.read_zip
        monkeypatch.setattr(bulk, "read_zip", lambda path, name: (opened.append(name), read_zip(path, name))[1])
        facts = prepare("maude", partitions, tmp_path / "out")
        assert len(opened) == (2 if stage == "reading" else 0)
        assert facts["fingerprint"] == prepare("maude", partitions, tmp_path / "whole")["fingerprint"]
        assert not list(tmp_path.glob(".*"))

    @pytest.mark.parametrize("moment", ["units/*0001*.json", "read/index", "built.incomplete/*.parquet"])
    def test_a_killed_run_continues_and_ends_the_same(self, tmp_path, reports, zipped, moment, content):
        source = tmp_path / "bulk"
        source.mkdir()
        for number in (1, 2):
            zipped(source / f"device-event-000{number}-of-0002.json.zip", reports(10_000 * number, 1500))
        output, work = tmp_path / "out", tmp_path / ".out.work"
        code = (
            "import sys; from secondopinion.dataset_scripts import prepare; prepare('maude', sys.argv[1], sys.argv[2])"
        )
        process = subprocess.Popen([sys.executable, "-c", code, str(source), str(output)], stderr=subprocess.DEVNULL)
        pattern = moment if moment.startswith(("read", "built")) else f"read/{moment}"
        while process.poll() is None and not list(work.glob(pattern)):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not output.exists()
        kept = {p.name: p.stat().st_mtime_ns for p in (work / "read" / "units").glob("*.json")}
        assert kept
        facts = prepare("maude", source, output)
        assert facts["fingerprint"] == prepare("maude", source, tmp_path / "whole")["fingerprint"]
        assert content(output / "data") == content(tmp_path / "whole" / "data")
        assert not work.exists()

    def test_the_api_continues_at_the_page_that_failed(self, serve, reports, tmp_path, content):
        broken = {"yes": True}

        def answer(path, number):
            first = int(path.split("after=")[1].split("&")[0]) if "after=" in path else 0
            if first == 20 and broken["yes"]:
                return 500, {}, {}
            link = (
                {"Link": f'<{server.url}/device/event.json?limit=10&after={first + 10}>; rel="next"'}
                if first < 30
                else {}
            )
            return 200, link, {"results": reports(100 + first, 10)}

        server = serve(answer)
        options = {"base_url": server.url, "page_size": 10, "retries": 1, "backoff": 0.001, "api_key": "KEY"}
        with pytest.raises(InputError, match="page-000003: .*HTTP 500 after 2 tries.*the same command continues there"):
            prepare("maude", "api", tmp_path / "out", **options)
        broken["yes"], before = False, len(server.paths)
        facts = prepare("maude", "api", tmp_path / "out", **options)
        assert [p.split("&api_key")[0].split("after=")[1] for p in server.paths[before:]] == ["20", "30"]
        assert facts["rows"] == 40
        assert facts["source"] == "api"
        written = b"".join(content(tmp_path / "out").values())
        assert b"KEY" not in written

    def test_the_api_key_is_nowhere_on_disk_while_the_work_is_unfinished(self, serve, tmp_path):
        server = serve(lambda path, number: (404, {}, {}))
        with pytest.raises(InputError, match="no report matches"):
            prepare("maude", "api", tmp_path / "out", base_url=server.url, api_key="S3CRET")
        for path in tmp_path.rglob("*"):
            assert "S3CRET" not in path.name
            assert path.is_dir() or b"S3CRET" not in path.read_bytes()
        assert "api_key=S3CRET" in server.paths[0]
