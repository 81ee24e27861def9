"""`convert`: an encoder for 512 tokens made into one for long texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion convert emilyalsentzer/Bio_ClinicalBERT --max-length 1024 --window 256 --output longformer",
        "secondopinion convert offline:all-MiniLM-L6-v2 --max-length 4096 --output long-minilm",
        "secondopinion convert dmis-lab/biobert-v1.1 --to extended_positions --max-length 1024 --output long-biobert",
    )
)
def convert(
    encoder: Annotated[
        str, typer.Argument(help="A BERT or RoBERTa: its name on the Hub, its folder, or offline:all-MiniLM-L6-v2.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    to: Annotated[
        Literal["longformer", "extended_positions"],
        typer.Option(help="Windowed attention with global tokens, or full attention over more positions."),
    ] = "longformer",
    max_length: Annotated[int, typer.Option(help="Tokens of the longest text.")] = 4096,
    window: Annotated[int, typer.Option(help="Tokens that each token of a Longformer sees around it; even.")] = 512,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of an encoder on the Hub.")] = None,
) -> None:
    """Make an encoder for long texts, with the weights of a shorter one; a recipe's `long_context` does the same."""
    from ..training.long_context import convert_encoder
    from ..training.recipe import EncoderSpec
    from .show import quiet

    quiet()
    spec = EncoderSpec(
        encoder=encoder, revision=revision, max_length=max_length, long_context=to, attention_window=window
    )
    typer.echo(str(convert_encoder(spec, output)))
