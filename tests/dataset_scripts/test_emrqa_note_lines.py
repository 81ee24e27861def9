"""A line and a token → exact characters of the note, in the numbering that its evidence shows."""

import pytest

from secondopinion.dataset_scripts.emrqa.note_lines import (
    AMBIGUOUS,
    CASE,
    CHARACTERS,
    EXACT,
    FROM_ONE,
    FROM_ZERO,
    NO_EVIDENCE,
    NO_PLACE,
    NOT_THERE,
    OTHER_EVIDENCE,
    OUTSIDE,
    WHITE_SPACE,
    Found,
    NoteLines,
)

LINES = ["Meds :\n", "aspirin 81 mg , then aspirin 325 mg\n", "\n", "  pain in\t both\n", "knees . Aspirin-like .\n"]
TEXT = "".join(LINES)


@pytest.fixture
def note():
    return NoteLines(LINES)


def words(note, found):
    assert isinstance(found, Found), found
    return note.text[found.span.start : found.span.end], found.how


class TestText:
    @pytest.mark.parametrize("context", [TEXT, LINES, [line.removesuffix("\n") for line in LINES[:-1]] + LINES[-1:]])
    def test_text_and_lines_with_their_ends_or_without_are_the_same_note(self, context):
        note = NoteLines(context)
        assert note.text == TEXT
        assert [note.text[a:b] for a, b in zip(note.starts, note.starts[1:], strict=False)][:5] == LINES

    def test_nothing_is_trimmed(self):
        assert NoteLines(["  a \r\n", "", " b\x0c "]).text == "  a \r\n\n b\x0c "

    def test_other_line_ends_of_unicode_do_not_count(self):
        assert NoteLines("a\u2028b\x0bc\rd").lines == ["a\u2028b\x0bc\rd"]


class TestNumbering:
    def test_it_is_read_off_the_evidence(self, note):
        from_one = [("knees . Aspirin-like .", 5), ("Meds :\n", 1)]
        assert note.numbering(from_one) == FROM_ONE
        assert note.numbering((text, start - 1) for text, start in from_one) == FROM_ZERO
        assert note.numbering((text, TEXT.index(text)) for text, _ in from_one) == CHARACTERS

    def test_the_majority_counts_and_without_any_it_is_the_usual_one(self, note):
        assert note.numbering([("Meds :", 0), ("Meds :", 1), ("knees . Aspirin-like .", 5)]) == FROM_ONE
        assert note.numbering([]) == note.numbering([("nowhere", 3)]) == FROM_ONE


class TestFind:
    def test_the_token_decides_between_places_in_a_line(self, note):
        assert note.find("aspirin", 2, 0, FROM_ONE).span.start == TEXT.index("aspirin")
        assert note.find("aspirin", 2, 5, FROM_ONE).span.start == TEXT.index("aspirin 325")
        assert note.find("aspirin", 2, 4, FROM_ONE).span.start == TEXT.index("aspirin 325")
        assert note.find("aspirin", 2, 99, FROM_ONE).span.start == TEXT.index("aspirin 325")
        assert note.find("aspirin", 1, 5, FROM_ZERO).span.start == TEXT.index("aspirin 325")

    def test_characters_may_be_a_few_off(self, note):
        line, place = TEXT.index("aspirin"), TEXT.index("aspirin 325")
        assert note.find("aspirin", line, place + 3, CHARACTERS).span.start == place
        assert note.find("aspirin", line + 5, place - 3, CHARACTERS).span.start == place
        assert note.find("aspirin", line, line + 1, CHARACTERS).span.start == line

    def test_it_is_never_sought_in_another_line(self, note):
        assert note.find("aspirin", 1, 0, FROM_ONE) == NOT_THERE
        assert note.find("Meds", 2, 0, FROM_ONE) == NOT_THERE

    def test_it_may_run_on_into_the_next_lines(self, note):
        assert words(note, note.find("pain in both knees", 4, 0, FROM_ONE)) == ("pain in\t both\nknees", WHITE_SPACE)
        assert note.find("mg pain in both knees", 2, 6, FROM_ONE) == NOT_THERE

    def test_case_and_white_space_may_differ_and_that_is_said(self, note):
        assert words(note, note.find("ASPIRIN 81 MG", 2, 0, FROM_ONE)) == ("aspirin 81 mg", CASE)
        assert words(note, note.find("pain in both", 4, 0, FROM_ONE)) == ("pain in\t both", WHITE_SPACE)
        assert words(note, note.find("aspirin 81 mg", 2, 0, FROM_ONE)) == ("aspirin 81 mg", EXACT)

    def test_whole_words_only(self, note):
        assert note.find("spirin", 2, 0, FROM_ONE) == NOT_THERE
        assert note.find("32", 2, 6, FROM_ONE) == NOT_THERE
        assert words(note, note.find("aspirin-like", 5, 2, FROM_ONE)) == ("Aspirin-like", CASE)
        assert words(note, note.find(".", 5, 1, FROM_ONE)) == (".", EXACT)

    def test_marks_of_regular_expressions_are_words(self):
        note = NoteLines(["(+) a.b [x] b*\n"])
        assert words(note, note.find("(+) a.b [x] b*", 1, 0, FROM_ONE))[0] == "(+) a.b [x] b*"
        assert note.find("a+b", 1, 1, FROM_ONE) == NOT_THERE

    def test_without_a_place(self, note):
        assert note.find("aspirin", None, None, FROM_ONE) == NO_PLACE
        assert [note.find("aspirin", line, 0, FROM_ONE) for line in (0, -1, 99)] == [OUTSIDE] * 3
        assert note.find("aspirin", 10**30, 0, CHARACTERS) == OUTSIDE
        assert note.find("aspirin", 2, None, FROM_ONE) == AMBIGUOUS
        assert words(note, note.find("325 mg", 2, None, FROM_ONE))[0] == "325 mg"

    def test_overlapping_places(self):
        note = NoteLines("no no no pain")
        assert note.find("no no", 1, 1, FROM_ONE).span.start == 3


class TestEvidence:
    @pytest.mark.parametrize(
        ("text", "start", "found"),
        [
            ("aspirin 81 mg , then aspirin 325 mg", 2, "aspirin 81 mg , then aspirin 325 mg"),
            ("pain in both", 4, "pain in\t both"),
            ("  pain in\t both\n,knees . Aspirin-like .\n", 4, "pain in\t both\nknees . Aspirin-like ."),
            ("  pain in\t both\nknees . Aspirin-like .\n", 4, "pain in\t both\nknees . Aspirin-like ."),
            ("aspirin 81 mg , then aspirin 325 mg\n\n  pain in\t both\n", 2, TEXT[7 : TEXT.index("\nknees")]),
            ("  pain in\t both\n  pain in\t both\n", 4, "pain in\t both"),
            ("Meds :\n", 1, "Meds :"),
        ],
    )
    def test_lines_at_their_number(self, note, text, start, found):
        assert words(note, note.evidence(text, start, FROM_ONE))[0] == found

    @pytest.mark.parametrize(
        ("text", "start", "why"),
        [
            ("aspirin 81 mg , then aspirin 325 mg", 1, OTHER_EVIDENCE),
            ("aspirin 81 mg", 2, OTHER_EVIDENCE),
            ("aspirin 81 mg , then aspirin 325 mg\nknees . Aspirin-like .\n", 2, OTHER_EVIDENCE),
            ("knees . Aspirin-like .\nand more", 5, OTHER_EVIDENCE),
            ("Meds :", 3, OTHER_EVIDENCE),
            ("Meds :", 9, OUTSIDE),
            ("Meds :", None, NO_PLACE),
            (" \n", 1, NO_EVIDENCE),
            ("", None, NO_EVIDENCE),
        ],
    )
    def test_what_is_not_at_its_number(self, note, text, start, why):
        assert note.evidence(text, start, FROM_ONE) == why

    def test_characters_must_be_those_of_a_lines_begin(self, note):
        place = TEXT.index("knees")
        assert words(note, note.evidence("knees . Aspirin-like .", place, CHARACTERS))[0] == "knees . Aspirin-like ."
        assert note.evidence("knees . Aspirin-like .", place + 1, CHARACTERS) == OTHER_EVIDENCE

    def test_a_line_that_stands_twice_is_evidence_once_for_each(self):
        note = NoteLines(["a b .\n", "a b .\n", "c\n"])
        assert words(note, note.evidence("a b .\na b .\n", 1, FROM_ONE))[0] == "a b .\na b ."
        assert words(note, note.evidence("a b .\na b .\n", 2, FROM_ONE))[0] == "a b ."


def test_a_line_of_a_million_characters():
    line = "word " * 200_000 + "aspirin , aspirin"
    note = NoteLines([line])
    assert len(note.text) > 1_000_000
    assert note.find("aspirin", 1, 200_002, FROM_ONE).span.end == len(line)
    assert note.find("aspirin", 1, 200_000, FROM_ONE).span.start == 1_000_000
    assert note.evidence(line, 1, FROM_ONE).span.end == len(line)
