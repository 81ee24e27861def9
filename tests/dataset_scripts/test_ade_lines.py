"""The raw files of ADE Corpus V2: every shape of a line, and what is said of a damaged one."""

import zipfile

import pytest
from ade_files import DOSES, EFFECTS, LINES, NEGATIVES, PIPED, write_files, write_zip

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts.ade_corpus_v2.lines import Mention, parse, read_files

SECRET = "Zorbitol"


class TestLines:
    def test_a_relation(self):
        (line,) = parse(EFFECTS, b"12|Zorbitol caused a rash.|rash|118|122|Zorbitol|100|108\n").lines
        assert (line.pubmed_id, line.sentence) == ("12", "Zorbitol caused a rash.")
        assert line.entity == Mention("rash", 118, 122)
        assert line.drug == Mention("Zorbitol", 100, 108)

    def test_pipes_inside_the_sentence_belong_to_it(self):
        (line,) = parse(EFFECTS, LINES[EFFECTS][5].encode()).lines
        assert line.sentence == PIPED

    def test_a_negative_sentence_may_hold_the_fixed_word_and_pipes(self):
        (line,) = parse(NEGATIVES, b"12 NEG HIV NEG | 3 of 4.\n").lines
        assert (line.pubmed_id, line.sentence, line.entity) == ("12", "HIV NEG | 3 of 4.", None)

    @pytest.mark.parametrize(
        "content",
        [b"12 NEG One.\n13 NEG Two.\n", b"12 NEG One.\r\n13 NEG Two.\r\n", b"\xef\xbb\xbf12 NEG One.\n\n13\tNEG\tTwo."],
        ids=["unix", "windows", "mark, blank line, tabs, no end"],
    )
    def test_line_ends(self, content):
        file = parse(NEGATIVES, content)
        assert [(line.pubmed_id, line.sentence) for line in file.lines] == [("12", "One."), ("13", "Two.")]
        assert file.read == 2
        assert file.notes["ends_with_line_end"] == content.endswith(b"\n")

    def test_only_line_feeds_end_a_line(self):
        (line,) = parse(NEGATIVES, "12 NEG One\u2028and\x85two.\n".encode()).lines
        assert line.sentence == "One\u2028and\x85two."


DAMAGED = [
    (EFFECTS, b"12|Zorbitol caused a rash.|rash|118|122|Zorbitol|100", "expected 8 columns between pipes"),
    (EFFECTS, b"Zorbitol", "expected 8 columns between pipes"),
    (EFFECTS, b"PMC12|Zorbitol.|rash|1|5|Zorbitol|6|14", "expected a PubMed id of digits in column 1"),
    (EFFECTS, b"12| |rash|1|5|Zorbitol|6|14", "expected a sentence in column 2"),
    (EFFECTS, b"12|Zorbitol.||1|5|Zorbitol|6|14", "expected the words of the adverse effect"),
    (EFFECTS, b"12|Zorbitol.|rash|1|x|Zorbitol|6|14", "expected the adverse effect's begin and end as whole numbers"),
    (DOSES, b"12|Zorbitol.|5 mg|9|5|Zorbitol|6|14", "expected the dose's begin and end as whole numbers, begin before"),
    (DOSES, b"12|Zorbitol.|5 mg|1|5|Zorbitol|6|1\xc2\xb2", "expected the drug's begin and end as whole numbers"),
    (NEGATIVES, b"12 POS Zorbitol.", "expected '<PubMed id> NEG <sentence>'"),
    (NEGATIVES, b"12 NEG ", "expected '<PubMed id> NEG <sentence>'"),
    (NEGATIVES, b"12 NEG Zorbitol \xff.", "not UTF-8"),
]


class TestDamage:
    @pytest.mark.parametrize(("name", "line", "problem"), DAMAGED)
    def test_the_line_is_named_and_not_shown(self, name, line, problem):
        content = LINES[name][0].encode() + b"\n\n" + line + b"\n"
        with pytest.raises(InputError) as error:
            parse(name, content)
        assert str(error.value).startswith(f"{name}, line 3: {problem}")
        assert "--skip-damaged" in str(error.value)
        assert SECRET not in str(error.value)

    @pytest.mark.parametrize(("name", "line", "problem"), DAMAGED)
    def test_it_is_counted_when_skipped(self, name, line, problem):
        file = parse(name, line + b"\n" + LINES[name][0].encode() + b"\n", skip_damaged=True)
        assert (file.read, len(file.lines), sum(file.damaged.values())) == (2, 1, 1)
        assert next(iter(file.damaged)).startswith(f"{name}: {problem}")


class TestFiles:
    def test_a_zip_reads_as_its_folder_does(self, tmp_path):
        folder = write_files(tmp_path / "raw")
        from_folder, from_zip = read_files(folder), read_files(write_zip(tmp_path / "raw.zip", folder))
        assert from_folder == from_zip
        assert list(from_folder) == [EFFECTS, DOSES, NEGATIVES]

    def test_names_in_any_case_at_any_depth(self, tmp_path):
        folder = write_files(tmp_path / "raw" / "deep")
        (folder / NEGATIVES).rename(folder / "ade-neg.TXT")
        assert read_files(tmp_path / "raw")[NEGATIVES].read == len(LINES[NEGATIVES])

    def test_doses_may_be_missing_the_others_not(self, tmp_path):
        assert DOSES not in read_files(write_files(tmp_path / "one", {DOSES: None}))
        with pytest.raises(InputError, match="two holds no ADE-NEG.txt. Give a folder or a zip archive with DRUG"):
            read_files(write_files(tmp_path / "two", {NEGATIVES: None}))

    def test_a_file_that_is_there_twice(self, tmp_path):
        write_files(tmp_path / "raw" / "one")
        write_files(tmp_path / "raw" / "two")
        with pytest.raises(InputError, match="raw holds DRUG-AE.rel 2 times; give the folder of one of them"):
            read_files(tmp_path / "raw")

    def test_no_source(self, tmp_path):
        with pytest.raises(InputError, match="does not exist. Give a folder"):
            read_files(tmp_path / "none")

    def test_a_file_that_is_no_archive(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 cut")
        with pytest.raises(InputError, match="neither a folder nor a whole zip archive"):
            read_files(tmp_path / "a.zip")

    def test_a_damaged_archive(self, tmp_path):
        path = write_zip(tmp_path / "a.zip", write_files(tmp_path / "raw"))
        with zipfile.ZipFile(path) as archive:
            first = archive.infolist()[0]
        content = bytearray(path.read_bytes())
        begin = first.header_offset + 30 + len(first.filename)
        content[begin + 20 : begin + 60] = bytes(40)
        path.write_bytes(content)
        with pytest.raises(InputError, match="a.zip cannot be unpacked .*; get the archive again"):
            read_files(path)
