"""`prepare`: from raw files to a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion prepare maude --source device-event-0001-of-0003.json.zip --output data/maude",
        "secondopinion prepare maude --source api --search 'date_received:[20240101 TO 20240131]' --limit 5000",
        "secondopinion prepare ade_corpus_v2 --source ADE-Corpus-V2 --output data/ade",
        "secondopinion prepare mimic_iv_outcome --source discharge.csv.gz --votes votes/ -o min_votes=2",
        "secondopinion prepare emrqa --source data.json --output data/emrqa -o span=line -o sample=0.2",
        "secondopinion prepare dragon --source test-input --output data/dragon101 -o task=Task101",
        "secondopinion prepare json_cases --source cases.json --output data/cases -o terms=private",
        "secondopinion prepare synthetic_clinical_qa --source synthetic --output data/clinical_qa -o notes=200",
        "secondopinion prepare synthetic_long_cases --source synthetic --output data/long_cases -o late=0.9",
    )
)
def prepare(
    corpus: Annotated[
        str,
        typer.Argument(
            help="Which corpus: ade_corpus_v2, dragon, emrqa, json_cases, maude, mimic_iv_outcome, squad_form, "
            "synthetic_clinical_qa or synthetic_long_cases."
        ),
    ],
    source: Annotated[
        list[str],
        typer.Option(
            help="A folder or file of raw data. MAUDE: openFDA partitions, saved API pages or FDA's pipe-delimited "
            "files; 'api' or 'bulk' for openFDA itself; 'synthetic' for authored demo reports. ADE: the folder or zip "
            "of its three files. MIMIC-IV: discharge.csv.gz. emrQA: data.json. SQuAD's form: a .json file or a folder. "
            "DRAGON: the folder of a fold (may be repeated), or of all. JSON cases: a .json or .jsonl file."
        ),
    ],
    output: Annotated[Path | None, typer.Option(help="Folder to write; data/<corpus> by default.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Any option of the corpus's builder, as name=value (may be repeated)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Stop after so many reports or notes.")] = None,
    near_duplicates: Annotated[
        float | None, typer.Option(help="Similarity from which texts share a group, above 0 and at most 1.")
    ] = None,
    max_characters: Annotated[int | None, typer.Option(help="Longer texts are cut there.")] = None,
    skip_damaged: Annotated[bool, typer.Option(help="Keep what can be read of a damaged file and go on.")] = False,
    force: Annotated[bool, typer.Option(help="Write the output anew even if it is there.")] = False,
    votes: Annotated[
        list[str] | None,
        typer.Option(
            help="Votes that make the labels: a file or a folder of files (may be repeated).",
            rich_help_panel="Options of mimic_iv_outcome",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Force the kind of source: bulk, api, pages or raw.", rich_help_panel="Options of maude"),
    ] = None,
    search: Annotated[
        str | None, typer.Option(help="openFDA query, for the API.", rich_help_panel="Options of maude")
    ] = None,
    partitions: Annotated[
        str | None,
        typer.Option(help="Only partitions whose name holds this, for 'bulk'.", rich_help_panel="Options of maude"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="openFDA key: a higher daily limit. Without it: the environment's OPENFDA_API_KEY.",
            rich_help_panel="Options of maude",
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Another address of the API.", rich_help_panel="Options of maude")
    ] = None,
    narratives: Annotated[
        str | None,
        typer.Option(
            help="Which narratives to join, with commas: description,evaluation,additional.",
            rich_help_panel="Options of maude",
        ),
    ] = None,
    redaction: Annotated[
        str | None,
        typer.Option(help="Redaction marks such as (B)(6): mark, drop or keep.", rich_help_panel="Options of maude"),
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="Makers' and brand names: mask or keep.", rich_help_panel="Options of maude")
    ] = None,
    boilerplate: Annotated[
        str | None,
        typer.Option(help="Sentences of makers' templates: drop or keep.", rich_help_panel="Options of maude"),
    ] = None,
    casing: Annotated[
        str | None, typer.Option(help="Letter case: lower or keep.", rich_help_panel="Options of maude")
    ] = None,
    reports: Annotated[
        int | None, typer.Option(help="How many authored reports, for 'synthetic'.", rich_help_panel="Options of maude")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the authored reports.", rich_help_panel="Options of maude")
    ] = None,
) -> None:
    """Turn raw files of a corpus into a data set: Parquet, groups that stay together, a card that counts everything."""
    from ..dataset_scripts import parse_options
    from ..dataset_scripts import prepare as run
    from .show import prepared_summary

    given = {
        "kind": kind,
        "search": search,
        "limit": limit,
        "partitions": partitions,
        "api_key": api_key,
        "base_url": base_url,
        "narratives": narratives.split(",") if narratives else None,
        "redaction": redaction,
        "names": names,
        "boilerplate": boilerplate,
        "casing": casing,
        "near_duplicates": near_duplicates,
        "max_characters": max_characters,
        "votes": votes,
        "reports": reports,
        "seed": seed,
        "skip_damaged": skip_damaged or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    options |= parse_options(corpus, option or [], taken=options)
    output = output or Path("data") / corpus
    facts = run(corpus, source, output, force=force, **options)
    typer.echo(prepared_summary(facts, output))
