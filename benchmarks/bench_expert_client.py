"""The expert client: 1,000 questions to a server on loopback that takes 200 ms for each, 32 at once.

    python benchmarks/bench_expert_client.py

The server runs in a process of its own. The ideal is questions × latency / concurrency. Beside our client, which writes
every answer to disk before it goes on, stand the hub's own client behind a semaphore, which keeps nothing, and one
question after another (measured on a few, then scaled up). Each is measured `--repeats` times; the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.pop("HF_HUB_OFFLINE", None)

from common import machine_line

from secondopinion.experts import LlmExpert, Price, find_prompt
from secondopinion.experts.answers import answer_format, read_answer

CLASSES = ["no", "yes"]
SERVER = Path(__file__).resolve().parents[1] / "tests" / "support" / "chat_server.py"


@contextmanager
def chat_server(latency_s: float) -> Iterator[str]:
    """Yield the address of a server in another process."""
    process = subprocess.Popen([sys.executable, SERVER, "--latency", str(latency_s)], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def ours(url: str, texts: list[str], concurrency: int, folder: str, price: Price | None) -> None:
    expert = LlmExpert(
        "tiny",
        CLASSES,
        base_url=url,
        concurrency=concurrency,
        prices=price,
        spending_cap_usd=1e6 if price else None,
        store=Path(folder) / f"{time.monotonic_ns()}.sqlite",
    )
    votes = expert(texts)
    assert all(vote.label is not None for vote in votes)
    assert expert.summary["asked"] == len(texts)


async def plain(url: str, texts: list[str], concurrency: int) -> None:
    """The hub's client as one would write it by hand: a semaphore and gather."""
    from huggingface_hub import AsyncInferenceClient

    prompt, form, gate = find_prompt().for_classes(CLASSES), answer_format(CLASSES), asyncio.Semaphore(concurrency)
    async with AsyncInferenceClient(base_url=url, api_key="none", timeout=60) as client:

        async def ask(text: str) -> str | None:
            async with gate:
                output = await client.chat_completion(
                    prompt.messages(text), model="tiny", max_tokens=256, temperature=0.0, response_format=form
                )
            return read_answer(output.choices[0].message.content, CLASSES).label

        labels = await asyncio.gather(*(ask(text) for text in texts))
    assert all(label is not None for label in labels)


def median_seconds(work: Callable[[int], None], repeats: int) -> float:
    """Return the median of `repeats` timings; each gets its number, so that texts can differ."""
    seconds = []
    for number in range(repeats):
        began = time.perf_counter()
        work(number)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit-ratio", type=float, default=1.3, help="exit with 1 when ours is slower than this")
    arguments = parser.parse_args()
    count, concurrency, few = arguments.questions, arguments.concurrency, 10
    ideal = count * arguments.latency / concurrency

    def texts(number: int) -> list[str]:
        return [f"{number}: the patient had a rash on day {day}" for day in range(count)]

    with chat_server(arguments.latency) as url, tempfile.TemporaryDirectory() as folder:
        ours(url, texts(-1)[:concurrency], concurrency, folder, None)
        asyncio.run(plain(url, texts(-1)[:concurrency], concurrency))
        rows = {
            "ideal": ideal,
            "ours, every answer on disk": median_seconds(
                lambda n: ours(url, texts(n), concurrency, folder, None), arguments.repeats
            ),
            "ours, with a spending cap": median_seconds(
                lambda n: ours(url, texts(n), concurrency, folder, Price(0.05, 0.4)), arguments.repeats
            ),
            "AsyncInferenceClient, semaphore": median_seconds(
                lambda n: asyncio.run(plain(url, texts(n), concurrency)), arguments.repeats
            ),
            f"one after another ({few} × {count // few})": median_seconds(
                lambda n: ours(url, texts(n)[:few], 1, folder, None), 1
            )
            * count
            / few,
        }
    print(machine_line())
    print(f"{count:,} questions, {arguments.latency * 1000:.0f} ms each, {concurrency} at once")
    for name, seconds in rows.items():
        print(f"{name:<36}{seconds:>9.2f} s{seconds / ideal:>9.2f} × ideal{count / seconds:>10.1f}/s")
    slowest = max(rows["ours, every answer on disk"], rows["ours, with a spending cap"])
    sys.exit(slowest / ideal > arguments.limit_ratio)


if __name__ == "__main__":
    main()
