"""One run of questions: a fixed number of workers, retries, the spending cap, and when to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.run_folder import now
from .answers import Answer
from .endpoint import Endpoint, Failure, Reply
from .prices import most_input_tokens
from .rate import Pacer, backoff_seconds
from .store import Attempt, Settled, StoredAnswer, VoteStore

if TYPE_CHECKING:
    from .llm import LlmExpert
    from .questions import Question
    from .votes import Vote


class ExpertStopped(InputError):
    """An expert stopped before every row was asked; the message says why, what is kept and how to go on.

    Attributes:
        votes: of the rows that were answered.
    """

    votes: Sequence[Vote] = ()


class SpendingCapReached(ExpertStopped):
    """The next question could pass the spending cap."""


class Journal:
    """Writes to a store from an event loop: whatever waits while one write is flushed goes into the next together."""

    def __init__(self, store: VoteStore) -> None:
        self._store = store
        self._waiting: list[tuple[Attempt | Settled, asyncio.Future]] = []
        self._thread = ThreadPoolExecutor(1, "votes")
        self._task: asyncio.Task | None = None

    async def write(self, entry: Attempt | Settled) -> None:
        """Return when the entry is on the disk."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._thread, self._store.write, [entry for entry, _ in batch])
            except (InputError, OSError) as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def close(self) -> None:
        """Wait until everything is written."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown()


class AskingRun:
    """Asks questions until all are answered, failed for good, or a reason to stop is found.

    Args:
        expert: says how hard to try, how fast, at what price, and when to stop.
        endpoint: open.
        store: where answers go.
        response_format: the JSON schema to send first, or None.
        bar: shows counts; None shows nothing.
    """

    def __init__(
        self,
        expert: LlmExpert,
        endpoint: Endpoint,
        store: VoteStore,
        response_format: Mapping[str, Any] | None,
        bar: Any,
    ) -> None:
        self.expert, self.endpoint, self.store, self.response_format = expert, endpoint, store, response_format
        self.answered = self.usable = self.retries = 0
        self.cost_usd = 0.0
        self.failed: dict[str, str] = {}
        self.stopped: ExpertStopped | None = None
        self._bar = bar
        self._may_drop_form = expert.structured == "auto"
        self._began = store.writes
        self._stop = asyncio.Event()
        self._settled = asyncio.Condition()
        self._under_way = 0
        self._failed_in_row = 0
        self._unusable_in_row = 0
        self._excess = 1.0
        self._journal = Journal(store)
        self._pacer = Pacer(expert.requests_per_minute, self._sleep)

    async def run(self, questions: Iterator[Question], number: int) -> None:
        """Ask `number` questions; `stopped` says why, when it ended early. What was under way has been waited for.

        Raises:
            DiskFullError: an answer could not be written.
        """
        workers = [asyncio.create_task(self._work(questions)) for _ in range(min(self.expert.concurrency, number))]
        try:
            await asyncio.gather(*workers)
        finally:
            self._stop.set()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._journal.close()

    async def _work(self, questions: Iterator[Question]) -> None:
        while not self._stop.is_set() and (question := next(questions, None)) is not None:
            while (mine := self.store.claim(question.key, self._began)) is False:
                if await self._sleep(0.02):
                    return
            if mine:
                try:
                    await self._ask(question)
                finally:
                    self.store.release(question.key)

    async def _ask(self, question: Question) -> None:
        messages, tries = question.messages(), 0
        while not self._stop.is_set():
            await self._pacer.turn()
            if self._stop.is_set():
                return
            form = self.response_format
            attempt = await self._afford(question.key, messages, form)
            if attempt is None:
                return
            reply = await self._send(attempt, messages, form, question)
            if not isinstance(reply, Failure):
                return
            if reply.stop is not None:
                self._end(ExpertStopped(f"{self.expert.name}: {reply.stop}"))
            elif form is not None and self.response_format is None:
                continue
            elif reply.refused_form and self._may_drop_form and await self._asked_without_form(question, messages):
                return
            if self._stop.is_set():
                return
            tries += 1
            if not reply.retry or tries > self.expert.max_retries:
                self._give_up(question.key, reply)
                return
            self.retries += 1
            await self._wait(tries - 1, reply)

    async def _asked_without_form(self, question: Question, messages: Sequence[Mapping[str, str]]) -> bool:
        """Ask once more without the JSON schema; when that works, leave it away for the rest."""
        attempt = await self._afford(question.key, messages, None)
        if attempt is None:
            return True
        if isinstance(await self._send(attempt, messages, None, question), Failure):
            return False
        self.response_format = None
        return True

    async def _afford(
        self, key: str, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any] | None
    ) -> Attempt | None:
        """Set the highest cost of one request aside, on disk, or stop the run where that could pass the cap."""
        usd = 0.0
        if self.expert.prices is not None:
            tokens = int(most_input_tokens(messages, form) * self._excess) + 1
            usd = self.expert.prices.cost(tokens, self.expert.max_tokens or 0)
        cap = self.expert.spending_cap_usd
        async with self._settled:
            while (attempt := self.store.reserve(key, self.expert.name, usd, cap)) is None:
                if not self._under_way:
                    spent = self.store.spent_usd(self.expert.name)
                    self._end(
                        SpendingCapReached(
                            f"{self.expert.name}: ${spent:.4f} of at most ${cap:.4f} is spent, and the next question "
                            f"may cost up to ${usd:.4f}; raise spending_cap_usd to go on"
                        )
                    )
                if self._stop.is_set():
                    return None
                await self._settled.wait()
            self._under_way += 1
        if usd:
            await self._journal.write(attempt)
        return attempt

    async def _send(
        self,
        attempt: Attempt,
        messages: Sequence[Mapping[str, str]],
        form: Mapping[str, Any] | None,
        question: Question,
    ) -> Reply | Failure:
        reply = await self.endpoint.ask(messages, form)
        if isinstance(reply, Failure):
            settled = Settled(attempt, lost=reply.perhaps_charged and attempt.usd > 0)
            if attempt.usd:
                await self._journal.write(settled)
                self.cost_usd += attempt.usd if settled.lost else 0.0
        else:
            answer, raw = question.read(reply)
            await self._journal.write(Settled(attempt, self._stored(question.key, attempt, reply, answer, raw)))
            self._excess = max(self._excess, (reply.input_tokens or 0) / most_input_tokens(messages, form))
            self._note(answer, attempt, reply)
        async with self._settled:
            self._under_way -= 1
            self._settled.notify_all()
        return reply

    def _cost(self, attempt: Attempt, reply: Reply) -> float | None:
        if self.expert.prices is None:
            return None
        if reply.input_tokens is None or reply.output_tokens is None:
            return attempt.usd
        return self.expert.prices.cost(reply.input_tokens, reply.output_tokens)

    def _stored(self, key: str, attempt: Attempt, reply: Reply, answer: Answer, raw: str | None) -> StoredAnswer:
        return StoredAnswer(
            key=key,
            account=self.expert.name,
            prompt_sha1=self.expert.prompt.sha1,
            label=answer.label,
            probabilities=answer.probabilities,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=self._cost(attempt, reply),
            latency_s=round(reply.latency_s, 4),
            error=answer.error,
            raw=raw,
            answered_at=now(),
        )

    def _show(self) -> None:
        if self._bar is not None:
            share = self.usable / max(self.answered, 1)
            self._bar.set_postfix_str(f"usable {share:.0%}, ${self.cost_usd:.4f}", refresh=False)
            self._bar.update(1)

    def _note(self, answer: Answer, attempt: Attempt, reply: Reply) -> None:
        self.answered += 1
        self.usable += answer.label is not None
        self.cost_usd += self._cost(attempt, reply) or 0.0
        self._failed_in_row = 0
        self._unusable_in_row = 0 if answer.label is not None else self._unusable_in_row + 1
        self._show()
        limit = self.expert.stop_after_unusable
        if limit is not None and self._unusable_in_row >= limit:
            self._end(
                ExpertStopped(
                    f"{self.expert.name}: the last {self._unusable_in_row} answers were unusable (the last one: "
                    f"{answer.error}). Look at the column raw of its votes; then change the prompt, max_tokens or "
                    "structured, or set stop_after_unusable to null to go on regardless"
                )
            )

    def _give_up(self, key: str, failure: Failure) -> None:
        self.failed[key] = failure.error
        self._failed_in_row += 1
        self._show()
        if self._failed_in_row >= self.expert.give_up_after:
            words = ", ".join(f"{word} {n}" for word, n in Counter(self.failed.values()).most_common(3))
            self._end(
                ExpertStopped(
                    f"{self.expert.name}: {self._failed_in_row} questions in a row failed ({words}), each after "
                    f"up to {self.expert.max_retries} retries. Check that the endpoint is up and takes such requests"
                )
            )

    async def _wait(self, tries: int, failure: Failure) -> None:
        """Wait as long as the server asks, or back off; everybody waits when the server asks."""
        wished = failure.retry_after
        if wished is not None and wished > self.expert.max_wait_s:
            self._end(
                ExpertStopped(
                    f"{self.expert.name}: the endpoint asks to wait {wished:.0f} seconds, more than max_wait_s="
                    f"{self.expert.max_wait_s:.0f}; run again after that time"
                )
            )
        elif wished is not None:
            self._pacer.pause(wished)
            await self._sleep(wished + backoff_seconds(tries, self.expert.backoff_s, self.expert.backoff_s))
        else:
            await self._sleep(backoff_seconds(tries, self.expert.backoff_s, self.expert.max_wait_s))

    async def _sleep(self, seconds: float) -> bool:
        """Wait; return True at once when the run is to stop."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _end(self, reason: ExpertStopped) -> None:
        if self.stopped is None:
            self.stopped = reason
        self._stop.set()
