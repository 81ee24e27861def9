import json
import shutil

import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.http import HttpClient, HttpError
from secondopinion.dataset_scripts.maude.api import ApiSource
from secondopinion.dataset_scripts.maude.bulk import FileSource, IndexSource, file_unit, read_zip
from secondopinion.dataset_scripts.maude.source import DamagedSource, detect


@pytest.fixture
def client():
    with HttpClient(retries=2, backoff=0.001, max_delay=0.01) as client:
        yield client


def keys(records):
    return [record["mdr_report_key"] for record in records]


class TestDetect:
    def test_zips_go_before_pages_and_raw_files(self, tmp_path, reports, zipped):
        zipped(tmp_path / "a.json.zip", reports(10, 2))
        (tmp_path / "page.json").write_text("{}")
        (tmp_path / "raw").mkdir()
        (tmp_path / "raw" / "foitext.txt").write_text("")
        kind, files, left_out = detect(tmp_path)
        assert (kind, [p.name for p in files], sorted(left_out)) == (
            "bulk",
            ["a.json.zip"],
            ["foitext.txt", "page.json"],
        )

    def test_the_kind_can_be_given(self, tmp_path, reports, zipped):
        zipped(tmp_path / "a.json.zip", reports(10, 2))
        (tmp_path / "page.json").write_text("{}")
        kind, files, _ = detect(tmp_path, "pages")
        assert (kind, [p.name for p in files]) == ("pages", ["page.json"])

    def test_a_file_selects_itself(self, tmp_path):
        (tmp_path / "page.json").write_text("{}")
        (tmp_path / "other.json").write_text("{}")
        assert detect(tmp_path / "page.json") == ("pages", [tmp_path / "page.json"], [])

    def test_raw_files_and_zips_of_raw_files(self, tmp_path):
        for name in ("foitext2019.zip", "mdrfoi.txt", "device.txt"):
            (tmp_path / name).write_text("")
        assert detect(tmp_path)[0] == "raw"

    @pytest.mark.parametrize("word", ["api", "bulk", "synthetic"])
    def test_words(self, word):
        assert detect(word) == (word, [], [])

    @pytest.mark.parametrize(
        ("make", "kind", "message"),
        [
            (None, None, "does not exist. Give a folder or file"),
            ("empty", None, "nothing to read in .*json.zip"),
            ("empty", "raw", "expected foitext"),
            ("empty", "bilk", "did you mean 'bulk'"),
        ],
    )
    def test_nothing_to_read(self, tmp_path, make, kind, message):
        if make:
            (tmp_path / "x").mkdir()
        with pytest.raises(InputError, match=message):
            detect(tmp_path / "x", kind)

    def test_a_word_of_another_kind(self):
        with pytest.raises(InputError, match="is of kind 'api', not 'raw'"):
            detect("api", "raw")


class TestFiles:
    def test_every_record_of_every_file_in_order(self, partitions):
        source = FileSource("bulk", sorted(partitions.iterdir()))
        assert [key for unit in source.units() for key in keys(unit.records())] == [str(k) for k in range(100, 220)]

    def test_a_page_that_is_no_zip(self, tmp_path, reports):
        path = tmp_path / "page.json"
        path.write_text(json.dumps({"meta": {"results": [1]}, "results": reports(1, 3)}))
        assert keys(file_unit(path).records()) == ["1", "2", "3"]

    def test_files_of_one_name_in_two_folders_are_kept_apart(self, tmp_path, reports, zipped):
        for quarter in ("2019q1", "2019q2"):
            (tmp_path / quarter).mkdir()
            zipped(tmp_path / quarter / "device-event-0001-of-0001.json.zip", reports(10, 1))
        names = [unit.name for unit in FileSource("bulk", detect(tmp_path)[1]).units()]
        assert names == [f"{q}/device-event-0001-of-0001.json.zip" for q in ("2019q1", "2019q2")]

    def test_a_cut_zip_is_read_as_far_as_it_goes(self, tmp_path, reports, zipped):
        path = zipped(tmp_path / "p.json.zip", reports(1000, 2000))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        found = []
        with pytest.raises(
            DamagedSource, match=r"^p.json.zip: the file ends early after [\d,]+ whole records and [\d,]+ bytes"
        ) as e:
            found.extend(read_zip(path, path.name))
        whole = [str(k) for k in range(1000, 3000)]
        assert 500 < len(found) < 1500
        assert keys(found) == whole[: len(found)]
        assert f"{len(found):,} whole records" in str(e.value)

    def test_a_zip_that_lost_only_its_directory_gives_every_record(self, tmp_path, reports, zipped):
        path = zipped(tmp_path / "p.json.zip", reports(10, 30))
        path.write_bytes(path.read_bytes()[:-30])
        found = []
        with pytest.raises(DamagedSource, match="directory is missing"):
            found.extend(read_zip(path, path.name))
        assert len(found) == 30

    def test_bad_bytes_inside_a_zip(self, tmp_path, reports, zipped):
        path = zipped(tmp_path / "p.json.zip", reports(10, 3000))
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
        path.write_bytes(data)
        with pytest.raises(DamagedSource, match="p.json.zip: .* after [\\d,]+ whole records"):
            list(read_zip(path, path.name))

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ('{"results": [{"mdr_report_key": "1"}, {"mdr_rep', "ends early after 1 whole records"),
            ('{"results": [{"mdr_report_key": "1"}, }]}', "damaged .* after 1 whole records"),
            ('{"meta": {}}', "holds no records"),
            ("<html>busy</html>", "after 0 whole records"),
            ("", "ends early after 0 whole records|after 0 whole records"),
        ],
    )
    def test_bad_json(self, tmp_path, body, message):
        path = tmp_path / "page.json"
        path.write_text(body)
        with pytest.raises(DamagedSource, match=message):
            list(file_unit(path).records())

    def test_no_zip_at_all(self, tmp_path):
        path = tmp_path / "p.json.zip"
        path.write_bytes(b"hello, this is text")
        with pytest.raises(DamagedSource, match="not a zip file"):
            list(read_zip(path, path.name))

    def test_a_zip_without_json(self, tmp_path, reports, zipped):
        path = zipped(tmp_path / "p.zip", reports(1, 1), name="readme.txt")
        with pytest.raises(DamagedSource, match="no .json file"):
            list(read_zip(path, path.name))


class TestApi:
    def pages(self, serve, reports, total=50, break_at=None):
        """A service of `total` reports that pages by `Link` and answers 500 from request `break_at` on."""

        def answer(path, number):
            if break_at is not None and number >= break_at:
                return 500, {}, {}
            query = dict(part.split("=") for part in path.split("?")[1].split("&"))
            size, first = int(query["limit"]), int(query.get("search_after", 0))
            headers = {}
            if first + size < total:
                link = f"{server.url}/device/event.json?limit={size}&search_after={first + size}&api_key=SECRET"
                headers["Link"] = f'<{link}>; rel="next"'
            return 200, headers, {"meta": {}, "results": reports(100 + first, min(size, total - first))}

        server = serve(answer)
        return server

    def test_pages_follow_the_link_header_and_the_key_goes_with_each(self, serve, reports, client):
        server = self.pages(serve, reports)
        source = ApiSource(server.url, None, 20, "KEY", client)
        found = []
        for unit in source.units():
            found.extend(keys(unit.records()))
            assert "SECRET" not in json.dumps(unit.notes) + json.dumps(dict(unit.identity))
            assert "KEY" not in json.dumps(unit.notes)
        assert found == [str(k) for k in range(100, 150)]
        assert "skip=" not in server.paths[0]
        assert all("api_key=KEY" in path for path in server.paths)
        assert len(server.paths) == 3

    def test_a_page_that_was_kept_is_not_asked_for_again(self, serve, reports, client):
        server = self.pages(serve, reports)
        notes = {}
        for unit in ApiSource(server.url, None, 20, None, client).units():
            list(unit.records())
            notes[unit.name] = unit.notes
        asked = len(server.paths)
        for unit in ApiSource(server.url, None, 20, None, client).units():
            unit.notes.update(notes[unit.name])
        assert len(server.paths) == asked

    def test_429_and_500_are_tried_again(self, serve, reports, client):
        def answer(path, number):
            if number < 3:
                return (429 if number == 1 else 500), {"Retry-After": "0"}, {}
            return 200, {}, {"results": reports(1, 2)}

        source = ApiSource(serve(answer).url, None, 2, None, client)
        assert keys(next(source.units()).records()) == ["1", "2"]

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (404, r"no report matches search='device.x:y' .*leave search out"),
            (400, "does not understand search='device.x:y'"),
            (403, "page-000001: .*no right to this.*the same command continues there"),
            (429, "page-000001: .*240 requests a minute.*OPENFDA_API_KEY"),
            (500, "page-000001: .*HTTP 500 after 3 tries.*the same command continues there"),
        ],
    )
    def test_what_the_service_answers_is_explained(self, serve, client, status, message):
        server = serve(lambda path, number: (status, {"Retry-After": "0"}, {"error": {"code": "X"}}))
        source = ApiSource(server.url, "device.x:y", 5, None, client)
        with pytest.raises(HttpError, match=message) as e:
            list(next(source.units()).records())
        assert e.value.status == status

    @pytest.mark.parametrize(
        "body", [b"<html>welcome to the hotel wifi</html>", b"[1, 2]", b'{"results": {}}', b"\xff\xfe"]
    )
    def test_garbage_is_not_taken_for_a_page(self, serve, client, body):
        server = serve(lambda path, number: (200, {"Content-Type": "text/html"}, body))
        with pytest.raises(InputError, match=f"answered with {len(body)} bytes of text/html that are no page") as e:
            list(next(ApiSource(server.url, None, 5, None, client).units()).records())
        assert "hotel" not in str(e.value)


class TestIndex:
    def index(self, serve, folder, break_off=False):
        partitions = sorted(folder.iterdir())

        def answer(path, number):
            if path == "/download.json":
                listed = [
                    {
                        "display_name": f"20{19 + n} q1",
                        "file": f"{server.url}/20{19 + n}q1/{p.name}",
                        "size_mb": "0.01",
                        "records": 40,
                    }
                    for n, p in enumerate(partitions)
                ]
                return 200, {}, {"results": {"device": {"event": {"partitions": listed}}}}
            data = (folder / path.split("/")[-1]).read_bytes()
            if break_off and sum(p == path for p in server.paths) == 1:
                return 200, {"Content-Length": str(len(data) + 100)}, data
            return 200, {}, data

        server = serve(answer)
        return server

    def test_partitions_are_fetched_read_and_removed(self, serve, partitions, tmp_path, client):
        server = self.index(serve, partitions)
        source = IndexSource(server.url, tmp_path / "downloads", None, client)
        found = []
        for unit in source.units():
            found.extend(keys(unit.records()))
            assert len(unit.notes["sha256"]) == 64
            assert not any((tmp_path / "downloads").iterdir())
        assert found == [str(k) for k in range(100, 220)]

    @pytest.mark.parametrize("pattern", ["2020 q1", "*/2020q1/*", "2020"])
    def test_partitions_are_chosen_by_pattern(self, serve, partitions, tmp_path, client, pattern):
        source = IndexSource(self.index(serve, partitions).url, tmp_path / "downloads", pattern, client)
        assert [unit.name for unit in source.units()] == ["2020q1/device-event-0002-of-0003.json.zip"]

    def test_no_partition_fits(self, serve, partitions, tmp_path, client):
        source = IndexSource(self.index(serve, partitions).url, tmp_path / "downloads", "1066*", client)
        with pytest.raises(InputError, match="no partition fits '1066\\*'; there are 3, such as: 2019 q1"):
            list(source.units())

    def test_a_download_that_breaks_off_is_tried_again(self, serve, partitions, tmp_path):
        server = self.index(serve, partitions, break_off=True)
        with HttpClient(retries=2, backoff=0.001, timeout=1) as client:
            source = IndexSource(server.url, tmp_path / "downloads", "2019*", client)
            assert len(list(next(source.units()).records())) == 40

    @pytest.mark.parametrize(
        "body", [b"<html>", {"results": {}}, [], {"results": {"device": {"event": {"partitions": [{}]}}}}]
    )
    def test_what_is_no_index(self, serve, tmp_path, client, body):
        server = serve(lambda path, number: (200, {}, body))
        with pytest.raises(InputError, match="did not answer with openFDA's download index"):
            list(IndexSource(server.url, tmp_path / "downloads", None, client).units())


def test_the_shared_page_reads_whole(shared_maude):
    found = list(file_unit(shared_maude / "openfda-device-event-page.json").records())
    assert len(found) == 105


def test_the_shared_partition_cut_in_half(shared_maude, tmp_path):
    whole = shared_maude / "device-event-0001-of-0003.json.zip"
    path = tmp_path / whole.name
    shutil.copyfile(whole, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    found = []
    with pytest.raises(DamagedSource, match="directory is missing"):
        found.extend(read_zip(path, path.name))
    assert keys(found) == keys(list(read_zip(whole, whole.name))[: len(found)])
    assert len(found) > 1000
