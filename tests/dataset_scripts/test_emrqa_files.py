"""Files of the shape data → paragraphs → qas: read as a stream, damage named by its place."""

import json
import tracemalloc

import pytest
from emrqa_files import all_five, many_notes, write_emrqa

from secondopinion.core.errors import InputError
from secondopinion.core.fingerprint import file_sha256
from secondopinion.dataset_scripts.emrqa.paragraph_files import ParagraphFile, find_json

SECRET = "fictional secret"
NOTE = {"note_id": "1", "context": SECRET, "qas": []}


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestReading:
    def test_outline_and_paragraphs(self, tmp_path):
        path = write_emrqa(tmp_path / "data.json", all_five())
        file = ParagraphFile.open(path)
        assert [section.title for section in file.sections] == [
            "medication",
            "relations",
            "risk-dataset",
            "smoking",
            "obesity",
        ]
        assert [(section.paragraphs, section.questions) for section in file.sections] == [
            (1, 10),
            (3, 5),
            (1, 1),
            (1, 1),
            (2, 4),
        ]
        assert file.notes == {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        read = list(file.paragraphs())
        assert [path for _, path, _ in read][:3] == [
            "data[0].paragraphs[0]",
            "data[1].paragraphs[0]",
            "data[1].paragraphs[1]",
        ]
        assert [value for _, _, value in read] == [note for part in all_five() for note in part["paragraphs"]]
        assert [path for _, path, _ in file.paragraphs({1, 3})][-1] == "data[3].paragraphs[0]"

    def test_a_sub_dataset_as_a_file_of_its_own(self, tmp_path):
        part = all_five()[1]
        for text in (json.dumps(part), json.dumps(dict(reversed(part.items())))):
            file = ParagraphFile.open(write(tmp_path / "relations.json", text))
            assert [(s.title, s.paragraphs, s.questions) for s in file.sections] == [("relations", 3, 5)]
            assert [path for _, path, _ in file.paragraphs()] == [f"paragraphs[{n}]" for n in range(3)]

    def test_a_title_may_stand_on_either_side_and_further_keys_anywhere(self, tmp_path):
        text = json.dumps(
            {"version": 2, "data": [{"title": " a ", "more": {"title": "x"}, "paragraphs": [NOTE]}], "z": []}
        )
        (section,) = ParagraphFile.open(write(tmp_path / "a.json", text)).sections
        assert (section.title, section.paragraphs, section.questions) == ("a", 1, 0)

    def test_a_mark_of_utf_8_and_white_space_around(self, tmp_path):
        path = write(
            tmp_path / "a.json", b"\xef\xbb\xbf\n" + json.dumps({"data": [{"paragraphs": [NOTE]}]}).encode() + b"\n \n"
        )
        file = ParagraphFile.open(path)
        assert [value for _, _, value in file.paragraphs()] == [NOTE]
        assert file.notes == {"bytes": path.stat().st_size, "sha256": file_sha256(path)}

    def test_memory_does_not_grow_with_the_file(self, tmp_path):
        def peak(count):
            path = write_emrqa(tmp_path / f"{count}.json", many_notes(count))
            tracemalloc.start()
            assert sum(1 for _ in ParagraphFile.open(path).paragraphs()) == count
            top = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return top

        assert peak(200) < peak(20) + (1 << 19)

    def test_a_file_that_changes_while_it_is_read(self, tmp_path):
        path = write_emrqa(tmp_path / "data.json", all_five())
        file = ParagraphFile.open(path)
        write_emrqa(path, all_five()[:1])
        with pytest.raises(InputError, match=r"data\.json changed while it was read"):
            list(file.paragraphs())


class TestDamage:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", r"a\.json is empty; expected \{\"data\""),
            (" \n\t", r"a\.json is empty; expected"),
            (b"\xef\xbb\xbf", r"a\.json is empty; expected"),
            ("note", r"a\.json is not JSON \(before any paragraph; 4 bytes were read\)\. Get the file again"),
            (
                '{"data": [{"paragraphs": [{"context": "fictional secret", "qas": [',
                r"ends early \(data\[0\], paragraph 1;",
            ),
            ('{"data": [{"paragraphs": [{"context": fictional secret', r"is not JSON \(data\[0\], paragraph 1;"),
            (
                '{"data": [{"paragraphs": [{"context": "\xe9"'.encode("latin-1"),
                r"is not UTF-8 \(data\[0\], paragraph 1",
            ),
            ("[]", r"a\.json: the file is a list, expected an object"),
            ('{"rows": []}', r"a\.json has no list 'data'; expected"),
            ('{"data": {}}', r"data is an object, expected a list"),
            ('{"data": ["fictional secret"]}', r"data\[0\] is text, expected an object"),
            ('{"data": [{"title": []}]}', r"data\[0\]\.title is a list, expected text"),
            ('{"data": [{}, {"paragraphs": {}}]}', r"data\[1\]\.paragraphs is an object, expected a list"),
            ('{"data": [{"paragraphs": null}]}', r"data\[0\]\.paragraphs is null, expected a list"),
            ('{"data": []}', r"data holds no paragraphs"),
            ('{"data": [{"title": "a", "paragraphs": []}]}', r"data holds no paragraphs"),
        ],
    )
    def test_the_place_is_named_and_nothing_of_a_note_shown(self, tmp_path, text, message):
        with pytest.raises(InputError, match=message) as error:
            ParagraphFile.open(write(tmp_path / "a.json", text))
        assert SECRET not in str(error.value)


class TestFinding:
    def test_a_folder(self, tmp_path):
        for name in ("b.json", "sub/data.json", ".hidden.json", "c.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("{}")
        assert [path.name for path in find_json(tmp_path, "")] == ["b.json", "data.json"]
        assert [path.name for path in find_json(tmp_path, "", name="data.json")] == ["data.json"]
        assert find_json(tmp_path / "c.txt", "") == [tmp_path / "c.txt"]

    def test_nothing_there(self, tmp_path):
        with pytest.raises(InputError, match=r"source '.*nowhere' does not exist\. Give data\.json"):
            find_json(tmp_path / "nowhere", "Give data.json")
        with pytest.raises(InputError, match=r"holds no \.json file\. Give data\.json"):
            find_json(tmp_path, "Give data.json")
