import zipfile

import pytest

from secondopinion.core.errors import InputError
from secondopinion.dataset_scripts import prepare
from secondopinion.dataset_scripts.maude.raw import RawSource, read_fields, read_rows
from secondopinion.dataset_scripts.maude.records import TextOptions, convert
from secondopinion.dataset_scripts.maude.source import DamagedSource

MDRFOI = "MDR_REPORT_KEY|EVENT_KEY|REPORT_NUMBER|REPORT_SOURCE_CODE|DATE_RECEIVED|EVENT_TYPE|MANUFACTURER_NAME"
FOITEXT = "MDR_REPORT_KEY|MDR_TEXT_KEY|TEXT_TYPE_CODE|PATIENT_SEQUENCE_NUMBER|DATE_REPORT|FOI_TEXT"
FOIDEV = (
    "MDR_REPORT_KEY|DEVICE_EVENT_KEY|DEVICE_SEQUENCE_NO|BRAND_NAME|GENERIC_NAME|MANUFACTURER_D_NAME"
    "|DEVICE_REPORT_PRODUCT_CODE"
)
PATIENT = "MDR_REPORT_KEY|PATIENT_SEQUENCE_NUMBER|DATE_RECEIVED|SEQUENCE_NUMBER_TREATMENT|SEQUENCE_NUMBER_OUTCOME"


def write(folder, name, *lines):
    (folder / name).write_bytes(("\r\n".join(lines) + "\r\n").encode("iso-8859-1"))
    return folder / name


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    write(
        folder,
        "mdrfoi.txt",
        MDRFOI,
        " 101.0|77|A-1|P|10/08/2009|D|",
        "102|78|A-2|M|2009-10-09|IN|ZORGTECH",
        "103|79|A-3|M|08-OCT-2009|*|",
    )
    write(
        folder,
        "foitext.txt",
        FOITEXT,
        "101|9001|D|0||THE PATIENT DIED | AND THE PUMP | STOPPED,",
        "SAID THE CAFÉ OWNER.",
        "102|9002|D|1||THE VALVE BENT.",
        "102|9003|N|1||NOTHING WAS RETURNED.",
        "103|9004|D|1||NOBODY SAID.",
    )
    write(
        folder,
        "foidev.txt",
        FOIDEV,
        "101||1|FLOW|PUMP, INFUSION|ZORGTECH|FRN",
        "102||2|SECOND|SECOND|Z|X",
        "102||1|FIRST|VALVE|Z|Y",
    )
    write(folder, "patient.txt", PATIENT, "101|1|10/08/2009||1. D; 2. H", "102|1|10/08/2009||1. R")
    return folder


def records(folder, tmp_path):
    source = RawSource(sorted(folder.iterdir()), tmp_path / "tables")
    (unit,) = source.units()
    return {record["mdr_report_key"]: record for record in unit.records()}


def test_the_files_are_joined(raw, tmp_path):
    found = records(raw, tmp_path)
    row = convert(found["101"], "raw", TextOptions()).columns
    assert row["text"] == "the patient died | and the pump | stopped, said the café owner."
    assert row["label"] == "Death"
    assert row["meta"] | {} == {
        "event_key": "77",
        "report_number": "A-1",
        "date_received": "2009-10-08",
        "device_group": "PUMP, INFUSION",
        "brand_name": "FLOW",
        "generic_name": "PUMP, INFUSION",
        "manufacturer": "ZORGTECH",
        "product_code": "FRN",
        "report_source": "Voluntary report",
        "narratives": "description",
        "outcomes": ["Death", "Hospitalization"],
        "death_by_keyword": True,
        "death_by_outcome": True,
        "partition": "raw",
    }
    assert convert(found["102"], "raw", TextOptions()).columns["meta"]["device_group"] == "VALVE"
    assert convert(found["103"], "raw", TextOptions()) == "event type: no answer provided"
    assert not (tmp_path / "tables").exists()


def test_a_change_without_text_leaves_the_old_text(raw, tmp_path):
    write(raw, "mdrfoiChange.txt", MDRFOI, "102|78|A-2|M|2009-10-09|M|ZORGTECH")
    write(raw, "foitextChange.txt", FOITEXT, "102|9002|D|1||", "103|9004|D|1||SOMEBODY SAID.")
    write(raw, "foitextAdd.txt", FOITEXT, "104|9005|D|1||ADDED.")
    found = records(raw, tmp_path)
    assert found["102"]["event_type"] == "M"
    assert [t["text"] for t in found["102"]["mdr_text"]] == ["THE VALVE BENT.", "NOTHING WAS RETURNED."]
    assert found["103"]["mdr_text"][0]["text"] == "SOMEBODY SAID."
    assert found["104"]["mdr_text"][0]["text"] == "ADDED."


def test_a_text_file_without_header_has_the_known_columns(tmp_path):
    path = write(tmp_path, "foitext1996.txt", "101|9001|D|1||OLD.", "102|9002|D|1||OLDER.")
    assert [row["foi_text"] for row in read_fields(path)] == ["OLD.", "OLDER."]


def test_a_master_file_without_header_is_refused(tmp_path):
    path = write(tmp_path, "mdrfoi.txt", "101|77|A-1|P|10/08/2009|D|")
    with pytest.raises(InputError, match=r"mdrfoi.txt: its first line names no columns"):
        list(read_fields(path))


def test_lines_that_start_with_a_short_number_continue_the_row():
    assert list(read_rows(iter(["123|A|x\n", "5|not a key\n", "\n", "2019 was bad\n", "124|B|y\n"]))) == [
        "123|A|x 5|not a key 2019 was bad",
        "124|B|y",
    ]


def test_a_zipped_file_reads_like_the_file_in_it(raw, tmp_path):
    with zipfile.ZipFile(raw / "foitext.zip", "w") as archive:
        archive.write(raw / "foitext.txt", "foitext.txt")
    assert list(read_fields(raw / "foitext.zip")) == list(read_fields(raw / "foitext.txt"))


def test_a_damaged_zip_is_named(raw):
    (raw / "foitext.zip").write_bytes(b"PK no")
    with pytest.raises(DamagedSource, match="foitext.zip: the zip is damaged"):
        list(read_fields(raw / "foitext.zip"))


def test_prepare_from_raw_files(raw, tmp_path):
    facts = prepare("maude", raw, tmp_path / "out")
    assert facts["source"] == "raw"
    assert facts["class_counts"] == {"Death": 1, "Injury": 1, "Malfunction": 0, "Other": 0}
    assert facts["dropped"] == {"event type: no answer provided": 1}
    assert facts["label_noise"]["outcome_code"] == {
        "rows_with_an_outcome": 2,
        "tells_of_death": 1,
        "filed_as_death": 1,
        "filed_otherwise": {"Injury": 0, "Malfunction": 0, "Other": 0},
        "share_filed_otherwise": 0.0,
        "filed_as_death_but_does_not_tell": 0,
        "precision": 1.0,
        "recall": 1.0,
    }


def test_without_mdrfoi_nothing_has_a_label_and_that_is_said(shared_maude, tmp_path, capsys):
    with pytest.raises(InputError, match=r"none of the 5 reports .*5 event type: missing.*need mdrfoi"):
        prepare("maude", shared_maude / "raw", tmp_path / "out")
    assert "no mdrfoi*.txt is here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_shared_raw_files_join(shared_maude, tmp_path):
    files = [p for p in sorted((shared_maude / "raw").iterdir()) if p.name != "enums.csv"]
    (unit,) = RawSource(files, tmp_path / "tables").units()
    found = {record["mdr_report_key"]: record for record in unit.records()}
    assert len(found) == 5
    assert sum(len(record["mdr_text"]) for record in found.values()) == 10
    row = convert({**found["538836"], "event_type": "IN"}, "raw", TextOptions()).columns
    assert row["meta"]["outcomes"] == ["Life Threatening", "Required Intervention"]
