"""Word lists behind the traits of a text, and their piece sequences in one tokenizer.

The lists are small, English, and written for this project: common forms in clinical prose, not a complete lexicon.
No cue contains another of its own kind, so that one phrase is not counted twice.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

NEGATION_CUES = (
    "no", "not", "nor", "never", "none", "without", "denies", "denied", "negative for", "absence of", "absent",
    "free of", "failed to", "lack of", "ruled out", "cannot", "nothing", "neither", "non",
)  # fmt: skip
HEDGE_CUES = (
    "possible", "possibly", "probable", "probably", "likely", "unlikely", "may", "might", "could", "perhaps",
    "suspected", "suspicious for", "suggests", "suggestive of", "suggesting", "appears", "appeared", "seems",
    "seemed", "consistent with", "concern for", "concerning for", "cannot exclude", "presumed", "presumably",
    "potentially", "questionable", "unclear", "uncertain", "unknown", "equivocal", "apparently", "alleged",
    "reportedly",
)  # fmt: skip
UNITS = (
    "mm", "cm", "ml", "dl", "kg", "mg", "mcg", "ug", "µg", "ng", "pg", "g", "l", "iu", "units", "mmol", "meq", "mmhg",
    "bpm", "hz", "kpa", "psi", "kcal", "mv", "volts", "joules", "cc", "fr", "%",
)  # fmt: skip
DRUG_SUFFIXES = {
    "azepam": ("diazepam", "lorazepam", "clonazepam"),
    "azolam": ("alprazolam", "midazolam", "triazolam"),
    "barbital": ("phenobarbital", "pentobarbital"),
    "caine": ("lidocaine", "bupivacaine", "ropivacaine"),
    "cillin": ("amoxicillin", "penicillin", "ampicillin", "piperacillin"),
    "codone": ("oxycodone", "hydrocodone"),
    "conazole": ("fluconazole", "voriconazole", "ketoconazole"),
    "coxib": ("celecoxib", "rofecoxib"),
    "cycline": ("doxycycline", "tetracycline", "minocycline"),
    "dipine": ("amlodipine", "nifedipine", "felodipine"),
    "floxacin": ("ciprofloxacin", "levofloxacin", "moxifloxacin"),
    "gliflozin": ("empagliflozin", "dapagliflozin"),
    "gliptin": ("sitagliptin", "linagliptin"),
    "glitazone": ("pioglitazone", "rosiglitazone"),
    "mab": ("rituximab", "infliximab", "adalimumab", "bevacizumab", "trastuzumab"),
    "morphone": ("hydromorphone", "oxymorphone"),
    "mycin": ("erythromycin", "vancomycin", "azithromycin", "clarithromycin", "bleomycin", "clindamycin"),
    "olol": ("metoprolol", "atenolol", "propranolol", "bisoprolol", "labetalol"),
    "olone": ("prednisolone", "methylprednisolone", "triamcinolone"),
    "oxetine": ("fluoxetine", "paroxetine", "duloxetine"),
    "parin": ("heparin", "enoxaparin", "dalteparin"),
    "platin": ("cisplatin", "carboplatin", "oxaliplatin"),
    "prazole": ("omeprazole", "pantoprazole", "lansoprazole", "aripiprazole"),
    "pril": ("lisinopril", "enalapril", "captopril", "ramipril"),
    "profen": ("ibuprofen", "ketoprofen"),
    "rubicin": ("doxorubicin", "epirubicin"),
    "sartan": ("losartan", "valsartan", "candesartan"),
    "setron": ("ondansetron", "granisetron"),
    "sone": ("prednisone", "dexamethasone", "hydrocortisone", "betamethasone"),
    "statin": ("simvastatin", "atorvastatin", "pravastatin", "rosuvastatin"),
    "taxel": ("paclitaxel", "docetaxel"),
    "tidine": ("ranitidine", "famotidine", "cimetidine"),
    "tinib": ("imatinib", "erlotinib", "gefitinib"),
    "triptan": ("sumatriptan", "rizatriptan"),
    "triptyline": ("amitriptyline", "nortriptyline"),
    "vir": ("acyclovir", "ganciclovir", "ritonavir", "valacyclovir", "oseltamivir"),
    "xaban": ("rivaroxaban", "apixaban"),
    "zosin": ("doxazosin", "prazosin"),
}
DRUG_NAMES = (
    "albuterol", "carbamazepine", "furosemide", "gentamicin", "hydrochlorothiazide", "indomethacin", "metformin",
    "methotrexate", "risperidone", "salmeterol", "warfarin", "insulin", "aspirin", "morphine", "fentanyl", "lithium",
    "digoxin", "amiodarone", "gabapentin", "phenytoin", "valproate", "levothyroxine", "acetaminophen", "paracetamol",
    "clozapine", "olanzapine", "haloperidol", "cyclosporine", "tacrolimus", "tamoxifen", "cyclophosphamide",
    "fluorouracil", "methadone", "propofol",
)  # fmt: skip
NOT_DRUGS = frozenset({"april"})

KINDS = ("negation", "hedging", "measurements", "drugs")
LONGEST_SEQUENCE = 4

# What stands before the first piece of a sequence: bit 0, it continues a word; bit 2, a piece with a digit.
WORD_START = (0, 4)
INSIDE_WORD = (1, 5)
ANYWHERE = (0, 1, 4, 5)
AFTER_DIGITS = (4, 5)

Sequence = tuple[str, tuple[int, ...], tuple[int, ...]]


class Piece(NamedTuple):
    """One entry of a vocabulary.

    Attributes:
        text: what it stands for, without marks.
        joins: whether it is glued to a letter or digit that ends the piece before it.
        open: whether a piece that joins can continue its word.
    """

    text: str
    joins: bool
    open: bool


def special_ids(tokenizer: Any) -> set[int]:
    """Return the ids that stand for no text: padding, sentence marks and so on, but not the unknown word."""
    roles = ("bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id", "mask_token_id")
    structural = {getattr(tokenizer, role, None) for role in roles} - {None}
    return (set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}) | structural


def word_marks(tokenizer: Any) -> tuple[str, str]:
    """Return how pieces of words are marked, as (style, mark), read from the tokenizer's own pipeline.

    Styles: `prefix` marks a piece that continues (WordPiece's `##`), `suffix` one that ends a word (`</w>`), `bytes`
    is byte-level BPE, where a piece that begins a word holds its space, `space` likewise with SentencePiece's `▁`,
    and `words` has no marks. A tokenizer without such a pipeline is judged by the mark that its vocabulary uses most.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        vocabulary = tokenizer.get_vocab()
        styles = {("prefix", "##"): "##", ("bytes", "Ġ"): "Ġ", ("space", "▁"): "▁"}
        used = {style: sum(token.startswith(mark) for token in vocabulary) for style, mark in styles.items()}
        most = max(used, key=used.get)
        return most if used[most] > len(vocabulary) / 100 else ("words", "")
    pipeline = json.loads(backend.to_str())
    model = pipeline["model"]
    if model.get("end_of_word_suffix"):
        return "suffix", model["end_of_word_suffix"]
    if model.get("continuing_subword_prefix"):
        return "prefix", model["continuing_subword_prefix"]
    stages = json.dumps([pipeline[stage] for stage in ("normalizer", "pre_tokenizer", "decoder")], ensure_ascii=False)
    if '"ByteLevel"' in stages:
        return "bytes", "Ġ"
    return ("space", "▁") if '"Metaspace"' in stages or "▁" in stages else ("words", "")


def read_pieces(tokenizer: Any) -> dict[int, Piece]:
    """Return what each id of the vocabulary stands for; special tokens are left out."""
    style, mark = word_marks(tokenizer)
    special = special_ids(tokenizer)
    added = {i: getattr(token, "content", token) for i, token in getattr(tokenizer, "added_tokens_decoder", {}).items()}
    alphabet = {character: byte for byte, character in byte_alphabet().items()} if style == "bytes" else {}
    pieces = {}
    for token, i in tokenizer.get_vocab().items():
        if i in special:
            continue
        text, joins, ended = token, style != "words", False
        if i in added:
            text, joins = added[i], False
        elif style == "prefix":
            joins = token.startswith(mark)
            text = token.removeprefix(mark) if joins else token
        elif style == "suffix":
            ended = token.endswith(mark)
            text = token.removesuffix(mark)
        elif style == "bytes":
            text = bytes(alphabet.get(character, 63) for character in token).decode("utf-8", errors="replace")
        elif style == "space":
            text = token.replace(mark, " ")
        joins = joins and is_word(text[:1])
        pieces[i] = Piece(text.strip(), joins, is_word(text[-1:]) and not ended)
    return pieces


def is_word(character: str) -> bool:
    """Return whether a character belongs to words: letters and digits."""
    return character.isalnum()


def byte_alphabet() -> dict[int, str]:
    """Return the printable character that byte-level BPE writes for each byte (Radford et al. 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def encode_after(tokenizer: Any, before: list[str], words: list[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield (word, ids) for each word, upper and lower case, as the tokenizer writes it after each text of `before`."""
    for text in before:
        lead = tokenizer(text.strip(), add_special_tokens=False)["input_ids"] if text.strip() else []
        cased = [(word, form) for word in words for form in dict.fromkeys((word, word.capitalize(), word.upper()))]
        encoded = tokenizer([text + form for _, form in cased], add_special_tokens=False)["input_ids"]
        for (word, _), ids in zip(cased, encoded, strict=True):
            if list(ids[: len(lead)]) == list(lead):
                yield word, tuple(ids[len(lead) :])


def cue_sequences(tokenizer: Any, pieces: dict[int, Piece]) -> list[Sequence]:
    """Return (kind, what may stand before, ids) of each way that the tokenizer writes a cue in at most 4 pieces.

    A drug's suffix is the shortest run of last pieces that spells it in one of its examples, or any single piece that
    ends with it; a number and its unit may share a piece. What holds an unknown token, or takes more pieces, is left
    out. A bare mark of a space before a cue is not part of it, except between a number and its unit.
    """
    found: list[Sequence] = []
    texts = ["", "a ", "("]
    for kind, cues in (("negation", NEGATION_CUES), ("hedging", HEDGE_CUES), ("drugs", DRUG_NAMES)):
        found += [(kind, WORD_START, unmarked(ids, pieces)) for _, ids in encode_after(tokenizer, texts, list(cues))]
    found += [("measurements", AFTER_DIGITS, ids) for _, ids in encode_after(tokenizer, ["5 ", "5"], list(UNITS))]
    endings, quantity = tuple(DRUG_SUFFIXES), re.compile(r"\d(" + "|".join(map(re.escape, UNITS)) + ")$")
    for i, piece in pieces.items():
        text = piece.text.lower()
        if text.endswith(endings) and text not in NOT_DRUGS:
            found.append(("drugs", ANYWHERE, (i,)))
        elif quantity.search(text):
            found.append(("measurements", ANYWHERE, (i,)))
    suffix_of = {example: suffix for suffix, examples in DRUG_SUFFIXES.items() for example in examples}
    for example, encoded in encode_after(tokenizer, texts, list(suffix_of)):
        ids = unmarked(encoded, pieces)
        tail = shortest_tail(ids, suffix_of[example], pieces)
        found.append(("drugs", WORD_START if len(tail) == len(ids) else INSIDE_WORD, tail))
    unknown = tokenizer.unk_token_id
    return [
        (kind, before, ids)
        for kind, before, ids in dict.fromkeys(found)
        if 1 <= len(ids) <= LONGEST_SEQUENCE and all(i in pieces and i != unknown for i in ids)
    ]


def unmarked(ids: tuple[int, ...], pieces: dict[int, Piece]) -> tuple[int, ...]:
    """Return ids without a first piece that is nothing but the mark of a space."""
    return ids[1:] if ids and ids[0] in pieces and not pieces[ids[0]].text else ids


def shortest_tail(ids: tuple[int, ...], suffix: str, pieces: dict[int, Piece]) -> tuple[int, ...]:
    """Return the fewest last ids that spell a suffix; none where they do not."""
    for start in reversed(range(len(ids))):
        spelled = "".join(pieces[i].text for i in ids[start:] if i in pieces).lower()
        if spelled.endswith(suffix):
            return ids[start:]
    return ()


__all__ = ["KINDS", "LONGEST_SEQUENCE", "Piece", "cue_sequences", "read_pieces"]
