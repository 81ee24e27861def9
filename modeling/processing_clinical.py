"""A processor of clinical text: measurements and abbreviations normalised, tokens, global attention on entities."""

from .supported_versions import OLDEST  # noqa: F401  (first, for an older transformers lacks what follows)

# isort: split

import copy
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AddedToken, BatchEncoding, ProcessorMixin
from transformers.utils.hub import cached_file

from .abbreviations import AbbreviationTable
from .aligned_text import AlignedText
from .clinical_entities import Entity, EntityFinder, measurement_entity, merge_entities
from .entity_recognizers import (
    MEDSPACY,
    find_recognizer,
    names_recognizer,
    read_rules,
    recognizer_parts,
    rule_recognizer,
)
from .global_attention_collator import GLOBAL_MASK, pad_rows
from .global_tokens import global_tokens, token_spans
from .measurements import Measurement
from .processed_text import ProcessedText, checked_texts, original_offsets, text_tokens
from .sequence_limit import NO_LIMIT
from .term_files import write_terms
from .text_normalization import TextNormalizer
from .text_reading import TextReading

TERMS_FILE, RULES_FILE = "entity_terms.txt", "entity_rules.json"
SWITCHES = ("measurements", "value_buckets", "global_attention", "measurement_entities")
REFUSED = ("text_pair", "is_split_into_words", "return_overflowing_tokens", "text_target")
HUB_ARGUMENTS = ("cache_dir", "force_download", "proxies", "token", "local_files_only", "revision", "subfolder")


class ClinicalProcessor(ProcessorMixin):
    """Turns texts into a model's inputs, and knows where in the text each of them comes from.

    A text is normalised (see `TextNormalizer`), then tokenised; tokens of clinical entities are marked in
    `global_attention_mask`, which Longformer and its like read: there these tokens attend to the whole text and are
    attended from everywhere. Encoders without such a mask (BERT, ModernBERT) take `global_attention=False`. With every
    step off, what comes out is the tokenizer's own.

    Entities are sought in the original text, and where abbreviations are written out also in the normalised one, so
    that a dictionary of either form finds them; spans that are shown are always of the original. The first token is
    global always; where entities have more tokens than `max_global` allows, whole entities at even intervals over the
    text are taken (see `global_tokens`). An entity that truncation cuts in two is left out.

    It stands where a tokenizer stands: it has its `pad`, `model_input_names`, `pad_token_id`, `padding_side` and so on.
    `save_pretrained` writes it whole; `AutoProcessor.from_pretrained(…, trust_remote_code=True)` reads it anywhere.

    Args:
        tokenizer: a fast one, as it finds the tokens of an entity.
        measurements: whether measurements get one spelling ("18mm" is "18 mm"), the unit kept.
        value_buckets: whether a token for the size of its value is put behind each measurement. These tokens are added
            to (a copy of) the tokenizer: `model.resize_token_embeddings(len(processor))` gives the model rows for them.
        abbreviations: whether abbreviations are written out; a mapping, or the path of a JSON or CSV file, for your own
            (see `AbbreviationTable`), which are saved among the settings.
        entities: True for the terms of this project, False for none; your own as a list, a mapping from kinds to lists
            or the path of a text file (see `EntityFinder`); or a recogniser: `scispacy:MODEL`,
            `medspacy:RULES.json`, `hub:REPOSITORY`. Your terms or rules are saved beside the tokenizer, in
            `entity_terms.txt` or `entity_rules.json`, and published with it.
        max_global: tokens of a text that attend everywhere, at most; time and memory grow with the largest number of
            them in a batch.
        global_attention: whether there is a `global_attention_mask`.
        measurement_entities: whether measurements are entities too.

    Raises:
        ValueError: a setting is of another form, or the tokenizer is not a fast one while one is needed.

    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import PreTrainedTokenizerFast
    >>> words = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "an", "18", "mm", "nodule"])}
    >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    >>> processor = ClinicalProcessor(fast, entities=["nodule"])
    >>> batch = processor("an 18mm nodule")
    >>> batch["input_ids"], batch["global_attention_mask"]
    ([2, 3, 4, 5], [1, 0, 0, 1])
    >>> processor.explain("an 18mm nodule").offsets
    [(0, 2), (3, 5), (5, 7), (8, 14)]
    """

    def __init__(
        self,
        tokenizer: Any,
        measurements: bool = True,
        value_buckets: bool = False,
        abbreviations: bool | str | Mapping[str, Any] = False,
        entities: bool | str | Iterable[str] | Mapping[str, Iterable[str]] = True,
        max_global: int = 32,
        global_attention: bool = True,
        measurement_entities: bool = False,
    ) -> None:
        self.measurements, self.value_buckets, self.abbreviations = measurements, value_buckets, abbreviations
        self.max_global, self.global_attention = max_global, global_attention
        self.measurement_entities = measurement_entities
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected True or False")
        if isinstance(max_global, bool) or not isinstance(max_global, int) or max_global < 1:
            raise ValueError(f"max_global is {max_global!r}; expected a whole number of 1 or more (the first token)")
        if (global_attention or entities is not False) and not tokenizer.is_fast:
            raise ValueError(
                f"{type(tokenizer).__name__} is not a fast tokenizer, so it cannot say which tokens an entity has; use "
                "a fast one, or entities=False and global_attention=False"
            )
        if not isinstance(abbreviations, bool):
            # As plain data, which the settings hold whatever it came as.
            own = AbbreviationTable if isinstance(abbreviations, Mapping) else AbbreviationTable.from_file
            self.abbreviations = own(abbreviations).entries
        self._normalizer = None
        if measurements or value_buckets or abbreviations:
            self._normalizer = TextNormalizer(measurements, value_buckets, self.abbreviations)
        if value_buckets:
            tokenizer = with_tokens(tokenizer, self._normalizer.bucket_tokens)
        self._recognizer = None
        self._rules: list[dict[str, Any]] | None = None
        self._finder: EntityFinder | None = None
        if isinstance(entities, bool):
            self.entities: Any = entities
            self._finder = EntityFinder(measurements=measurement_entities) if entities else None
        elif names_recognizer(entities):
            source, which = recognizer_parts(entities)
            if source == MEDSPACY:
                self._rules = read_rules(which)
            self.entities = entities if self._rules is None else {"file": RULES_FILE}
        else:
            # Held once, by the finder; `entities` only says that they are somebody's own.
            self._finder = EntityFinder(entities, measurements=measurement_entities)
            self.entities = {"file": TERMS_FILE}
        super().__init__(tokenizer)

    def __call__(
        self,
        text: str | Sequence[str] | TextReading | None = None,
        truncation: bool | str = True,
        max_length: int | None = None,
        padding: bool | str = False,
        return_tensors: str | None = None,
        return_offsets_mapping: bool = False,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Encode one text or several.

        Args:
            text: a text, or several; or what `read` returned for one.
            truncation: whether texts are cut, on the tokenizer's `truncation_side`, at `max_length` tokens.
            max_length: by default what the tokenizer allows.
            padding: as of a tokenizer: False, True (to the longest), "max_length".
            return_tensors: "pt" or "np"; by default lists.
            return_offsets_mapping: whether to return each token's characters in the original text.
            **kwargs: others of the tokenizer, such as `return_special_tokens_mask` or `pad_to_multiple_of`.

        Returns:
            The tokenizer's fields and, with `global_attention`, `global_attention_mask`; each (batch, sequence), for
            one text without `return_tensors` (sequence,).

        Raises:
            ValueError: an input is no text, or a setting is for pairs of texts or for windows.
        """
        single = isinstance(text, str | TextReading)
        readings = [text] if isinstance(text, TextReading) else list(map(self.read, checked_texts(text)))
        for name in REFUSED:
            if kwargs.get(name):
                raise ValueError(f"{name}={kwargs[name]!r} is not for this processor: it reads whole single texts")
        limit = max_length or self.tokenizer.model_max_length
        encoded = self.tokenizer(
            [one.aligned.text for one in readings],
            truncation=truncation if limit < NO_LIMIT else False,
            max_length=max_length,
            padding=padding,
            **kwargs,
        )
        if self.global_attention:
            encoded[GLOBAL_MASK] = [
                self._mask(encoding, one.spans) for encoding, one in zip(encoded.encodings, readings, strict=True)
            ]
        if return_offsets_mapping:
            encoded["offset_mapping"] = [
                original_offsets(encoding, one.aligned)
                for encoding, one in zip(encoded.encodings, readings, strict=True)
            ]
        columns = dict(encoded)
        if single and return_tensors is None:
            columns = {name: column[0] for name, column in columns.items()}
        return BatchEncoding(columns, encoded.encodings, tensor_type=return_tensors)

    def read(self, text: str) -> TextReading:
        """Return a text with what is found in it, each once; a call and `explain` take it in place of the text."""
        return TextReading(text, self._normalizer, self._find, self.measurement_entities, bool(self.abbreviations))

    def normalize(self, text: str) -> AlignedText:
        """Return the text as the tokenizer will read it, aligned with the original."""
        return self.read(text).aligned

    def find_entities(self, text: str) -> list[Entity]:
        """Return the entities of an original text, in its order, none overlapping."""
        return self.read(text).entities

    def explain(self, text: str | TextReading, max_length: int | None = None) -> ProcessedText:
        """Return what becomes of one text: entities, measurements, tokens and what is cut off.

        Args:
            text: a text, or what `read` returned for it.
            max_length: by default what the tokenizer allows.

        Raises:
            ValueError: the input is no text.
        """
        if not isinstance(text, str | TextReading):
            raise ValueError(f"a {type(text).__name__} came; explain takes one text (str)")
        reading = text if isinstance(text, TextReading) else self.read(text)
        aligned = reading.aligned
        limit = max_length or self.tokenizer.model_max_length
        encoded = self.tokenizer([aligned.text], truncation=limit < NO_LIMIT, max_length=max_length)
        (encoding,) = encoded.encodings
        mask = np.array(self._mask(encoding, reading.spans) if self.global_attention else [])
        chosen = np.flatnonzero(mask).tolist()
        tokens_of = self._tokens_of(encoding, reading.spans) if chosen else []
        # The first token is global whether or not it belongs to an entity.
        heard = [i for i, span in enumerate(tokens_of) if span is not None and mask[slice(*span)].all()]
        kept, cut = (sum(text_tokens(one).sum() for one in part) for part in ([encoding], encoding.overflowing))
        return ProcessedText(
            text=aligned.text,
            original=reading.text,
            measurements=reading.measurements,
            entities=reading.entities,
            global_entities=heard,
            tokens=encoding.tokens,
            offsets=original_offsets(encoding, aligned),
            global_tokens=chosen,
            truncated_share=float(cut / (kept + cut)) if cut else 0.0,
        )

    def pad(
        self,
        encoded_inputs: Sequence[Mapping[str, Any]] | Mapping[str, Any],
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Pad rows as a tokenizer does, their global attention masks with them.

        Args:
            encoded_inputs: rows, or columns of rows.
            padding: True or "longest"; "max_length" for `max_length`.
            max_length: the length for that; by default what the tokenizer allows.
            pad_to_multiple_of: of which the length is made one.
            padding_side: in place of the tokenizer's.
            return_tensors: "pt" or "np"; by default lists.
            **kwargs: others of `tokenizer.pad`, which change nothing here.

        Raises:
            ValueError: a mask is longer or shorter than its `input_ids`, or rows have different fields.
        """
        width = (max_length or self.model_max_length) if padding == "max_length" else None
        if width is not None and width >= NO_LIMIT:
            raise ValueError("padding='max_length' needs a length, and the tokenizer sets none; give max_length=…")
        columns = pad_rows(self.tokenizer, encoded_inputs, width, pad_to_multiple_of, padding_side)
        return BatchEncoding(columns, tensor_type=return_tensors)

    def save_pretrained(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs: Any) -> list[str]:
        """Write tokenizer, settings, this code and, where you gave them, your terms or rules into a folder."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        if isinstance(self.entities, dict):
            # Before the rest, so that a push takes it too.
            own = folder / self.entities["file"]
            if self._rules is not None:
                own.write_text(json.dumps({"target_rules": self._rules}, ensure_ascii=False, indent=1) + "\n", "utf-8")
            else:
                write_terms(own, self._finder.terms, self._finder.kinds, self._finder.places)
            written.append(str(own))
        return [*super().save_pretrained(str(folder), push_to_hub=push_to_hub, **kwargs), *written]

    @classmethod
    def get_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read the settings; terms of one's own are looked for where the settings are."""
        where = {name: kwargs[name] for name in HUB_ARGUMENTS if kwargs.get(name) is not None}
        settings, rest = super().get_processor_dict(pretrained_model_name_or_path, **kwargs)
        if isinstance(settings.get("entities"), Mapping):
            name = settings["entities"]["file"]
            found = cached_file(pretrained_model_name_or_path, name, **where)
            settings["entities"] = f"{MEDSPACY}:{found}" if name == RULES_FILE else found
        return settings, rest

    def to_dict(self) -> dict[str, Any]:
        """Return the settings, as `processor_config.json` holds them."""
        names = [*SWITCHES, "abbreviations", "entities", "max_global"]
        settings = {name: copy.deepcopy(getattr(self, name)) for name in names}
        settings |= {"processor_class": type(self).__name__}
        return settings | ({"auto_map": self.auto_map} if hasattr(self, "auto_map") else {})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_recognizer": None}

    def __len__(self) -> int:
        return len(self.tokenizer)

    @property
    def model_input_names(self) -> list[str]:
        """Names of what the model gets."""
        return [*self.tokenizer.model_input_names, *([GLOBAL_MASK] if self.global_attention else [])]

    def _find(self, text: str, measurements: Sequence[Measurement]) -> list[Entity]:
        if self._rules is None and not names_recognizer(self.entities):
            found = self._finder(text, measurements) if self._finder is not None else []
        else:
            if self._recognizer is None:
                rules = self._rules
                self._recognizer = find_recognizer(self.entities) if rules is None else rule_recognizer(rules)
            found = self._recognizer(text)
        if self.measurement_entities and self._finder is None:
            return merge_entities(found, map(measurement_entity, measurements))
        return found

    def _tokens_of(self, encoding: Any, spans: list[tuple[int, int]]) -> list[tuple[int, int] | None]:
        places = np.flatnonzero(text_tokens(encoding))
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)[places]
        found = token_spans(spans, offsets[:, 0], offsets[:, 1], not encoding.overflowing)
        # Tokens of the text stand side by side, special ones and padding around them.
        return [None if span is None else (int(places[span[0]]), int(places[span[1] - 1]) + 1) for span in found]

    def _mask(self, encoding: Any, spans: list[tuple[int, int]]) -> list[int]:
        mask = [0] * len(encoding.ids)
        if 1 in encoding.attention_mask:
            held = [span for span in self._tokens_of(encoding, spans) if span is not None]
            for place in global_tokens(held, encoding.attention_mask.index(1), self.max_global):
                mask[place] = 1
        return mask


def _of_tokenizer(name: str) -> property:
    def read(self: ClinicalProcessor) -> Any:
        return getattr(self.tokenizer, name)

    def write(self: ClinicalProcessor, value: Any) -> None:
        setattr(self.tokenizer, name, value)

    return property(read, write, doc=f"The tokenizer's own `{name}`.")


for _name in (
    *("pad_token", "pad_token_id", "pad_token_type_id", "padding_side", "truncation_side", "model_max_length"),
    *("is_fast", "unk_token_id", "all_special_ids", "all_special_tokens", "name_or_path", "vocab_size"),
    *("get_vocab", "convert_ids_to_tokens", "convert_tokens_to_ids", "num_special_tokens_to_add"),
):
    setattr(ClinicalProcessor, _name, _of_tokenizer(_name))


def with_tokens(tokenizer: Any, tokens: Sequence[str]) -> Any:
    """Return the tokenizer with tokens added: a copy where any is missing, so that the caller's stays as it was."""
    missing = [token for token in tokens if token not in tokenizer.get_vocab()]
    if missing:
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.add_tokens([AddedToken(token, normalized=False) for token in missing])
    return tokenizer


__all__ = ["ClinicalProcessor"]
