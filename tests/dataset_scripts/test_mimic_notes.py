"""Discharge summaries: reading a large CSV as a stream, and finding sections by their headers."""

import csv
import gzip
import itertools
import random
import tracemalloc

import pytest
from mimic_files import COLUMNS, note, note_id, note_text, write_notes

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.mimic_iv_outcome.notes import NoteFile, find_notes
from secondopinion.dataset_scripts.mimic_iv_outcome.sections import SectionFinder, _in_order

SECRET = "fictional"


class TestReading:
    @pytest.mark.parametrize("name", ["discharge.csv.gz", "discharge.csv", "extract"])
    def test_notes_come_as_they_were_written(self, tmp_path, name):
        notes = [note(1), note(2, "poor", text='One "quoted",\r\nwith\n\nlines, commas and "" quotes\u2028')]
        file = NoteFile(write_notes(tmp_path / name, notes))
        assert list(file) == notes
        assert (file.read, file.damage) == (2, None)
        assert len(file.notes["sha256"]) == 64
        assert list(file) == notes

    def test_columns_may_stand_in_any_order_and_some_may_be_missing(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv", [note(1)], ("text", "subject_id", "note_id"))
        (row,) = NoteFile(path)
        assert (row["note_id"], row["hadm_id"], row["charttime"]) == (note_id(1), "", "")

    def test_a_note_far_longer_than_the_csv_module_expects(self, tmp_path):
        limit = 1 << 17
        before = csv.field_size_limit(limit)
        try:
            path = write_notes(tmp_path / "discharge.csv.gz", [note(1, text="x" * (limit * 3))])
            assert [len(row["text"]) for row in NoteFile(path)] == [limit * 3]
            assert csv.field_size_limit() == limit
        finally:
            csv.field_size_limit(before)

    def test_memory_does_not_grow_with_the_file(self, tmp_path):
        def peak(count):
            text = note_text(1, "good") * 20
            path = write_notes(tmp_path / f"{count}.csv.gz", (note(n, text=text) for n in range(count)))
            tracemalloc.start()
            assert sum(1 for _ in NoteFile(path)) == count
            top = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return top

        assert peak(600) < peak(60) + (1 << 20)


class TestDamage:
    def damaged(self, path, message, skip=None):
        with pytest.raises(InputError, match=message) as error:
            list(NoteFile(path))
        assert SECRET not in str(error.value)
        assert "skip-damaged" in str(error.value)
        file = NoteFile(path, skip_damaged=True)
        kept = list(file)
        assert len(kept) == skip
        assert file.damage
        assert "sha256" not in file.notes

    def test_a_gzip_file_cut_short(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv.gz", [note(1), note(2), note(3)])
        path.write_bytes(path.read_bytes()[:-4])
        self.damaged(path, "discharge.csv.gz: after note 3 it breaks off: the gzip file is cut short", skip=3)

    def test_a_large_gzip_file_cut_short_keeps_what_came_before(self, tmp_path):
        chance = random.Random(3)
        notes = [note(n, text="".join(chance.choices("abcdefgh ", k=20_000))) for n in range(40)]
        path = write_notes(tmp_path / "discharge.csv.gz", notes)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        file = NoteFile(path, skip_damaged=True)
        kept = list(file)
        assert 10 < len(kept) < 25
        assert kept == notes[: len(kept)]

    def test_bytes_that_are_not_gzip(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv.gz", [note(1)])
        content = bytearray(path.read_bytes())
        content[60:90] = bytes(30)
        path.write_bytes(content)
        self.damaged(path, "breaks off: the gzip file is cut short or damaged", skip=0)

    def test_a_quote_that_does_not_end(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv", [note(1), note(2)])
        path.write_text(path.read_text()[:-3])
        self.damaged(path, "after note 1 it is not CSV", skip=1)

    def test_a_row_with_a_column_too_few(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv", [note(1)])
        path.write_text(path.read_text() + 'a,"fictional"\n')
        self.damaged(path, "note 2 has 2 columns, expected 8", skip=1)

    def test_text_that_is_not_utf_8(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv", [note(1)])
        path.write_bytes(path.read_bytes() + b"\xff\xfe\n")
        self.damaged(path, "it is not UTF-8", skip=0)

    def test_a_file_without_the_columns(self, tmp_path):
        path = write_notes(tmp_path / "discharge.csv", [note(1)], COLUMNS[1:-1])
        with pytest.raises(InputError, match="discharge.csv lacks the columns note_id, text; its first line must name"):
            list(NoteFile(path))

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "discharge.csv").write_bytes(b"")
        with pytest.raises(InputError, match="discharge.csv is empty; expected note_id"):
            list(NoteFile(tmp_path / "discharge.csv"))
        (tmp_path / "discharge.csv.gz").write_bytes(gzip.compress(b""))
        with pytest.raises(InputError, match="is empty"):
            list(NoteFile(tmp_path / "discharge.csv.gz"))


class TestFinding:
    def test_a_folder_at_any_depth(self, tmp_path):
        path = write_notes(tmp_path / "2.2" / "note" / "discharge.csv.gz", [note(1)])
        write_notes(tmp_path / "2.2" / "note" / "radiology.csv.gz", [note(1)])
        assert find_notes(tmp_path) == find_notes(path) == path

    def test_none_or_several(self, tmp_path):
        with pytest.raises(InputError, match="holds no discharge.csv.gz. Give MIMIC-IV-Note's"):
            find_notes(tmp_path)
        for name in ("discharge.csv", "discharge.csv.gz"):
            write_notes(tmp_path / name, [note(1)])
        with pytest.raises(InputError, match="holds 2 files of discharge summaries"):
            find_notes(tmp_path)
        with pytest.raises(InputError, match="does not exist"):
            find_notes(tmp_path / "none")


class TestSections:
    def test_the_template(self):
        found = SectionFinder(["Discharge Condition", "brief hospital course", "Family History"]).find(
            note_text(1, "good")
        )
        assert list(found) == ["Discharge Condition", "brief hospital course"]
        assert found["Discharge Condition"] == "Mental Status: Clear and coherent. Activity Status: Walks alone."
        assert found["brief hospital course"].endswith('eating well. Allergies: asked twice, as "nothing" was noted.')

    def test_a_header_met_again_belongs_to_the_first(self):
        found = SectionFinder(["Physical Exam"]).find(note_text(1, "good"))
        assert found["Physical Exam"] == "ADMISSION: well. Physical Exam: again, at discharge: well."

    @pytest.mark.parametrize(
        "note",
        ["BRIEF  HOSPITAL COURSE :\r\nfine\r\nDISCHARGE CONDITION: good", "\tBrief Hospital Course:fine\nFacility:\n"],
    )
    def test_spelling(self, note):
        assert SectionFinder(["Brief Hospital Course:"]).find(note) == {"Brief Hospital Course:": "fine"}

    def test_a_header_inside_a_line_is_none(self):
        assert SectionFinder(["Facility"]).find("see Facility: x\nhis Facility: y") == {}

    def test_a_section_of_one_s_own_may_stand_anywhere(self):
        text = "Brief Hospital Course:\nfine\nTransitional Issues:\n- call\nFacility:\nnone\nTransitional Issues: write"
        found = SectionFinder(["transitional issues", "Brief Hospital Course"]).find(text)
        assert found == {"transitional issues": "- call write", "Brief Hospital Course": "fine"}

    def test_empty_sections_are_not_there(self):
        assert SectionFinder(["Facility", "Allergies"]).find("Allergies:\n \nFacility:\n") == {}

    def test_the_longest_series_is_the_one_that_trying_all_gives(self):
        chance = random.Random(1)
        for _ in range(200):
            numbers = [chance.randrange(6) for _ in range(chance.randrange(8))]
            rising = [
                series
                for size in range(len(numbers) + 1)
                for series in itertools.combinations(range(len(numbers)), size)
                if all(numbers[a] < numbers[b] for a, b in itertools.pairwise(series))
            ]
            longest = max(map(len, rising))
            assert tuple(_in_order(numbers)) == min(series for series in rising if len(series) == longest)
