"""The language model as expert against a server that misbehaves on demand, over real HTTP."""

import asyncio
import datetime as dt
import time
from email.utils import format_datetime

import pytest
from chat_server import ChatServer, Fault, yes_or_no

from secondopinion.core.errors import InputError
from secondopinion.experts.asking import ExpertStopped
from secondopinion.experts.llm import LlmExpert

CLASSES = ["no", "yes"]
TEXTS = [f"finding {n}" for n in range(12)]
RIGHT = [yes_or_no(text) for text in TEXTS]


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


@pytest.fixture
def make(server, tmp_path):
    def expert(**more):
        settings = {"base_url": server.url, "store": tmp_path / "votes.sqlite", "backoff_s": 0.01, "concurrency": 4}
        return LlmExpert("org/tiny", CLASSES, **{**settings, **more})

    return expert


def labels(votes):
    return [vote.label for vote in votes]


def test_answers_come_in_the_order_of_the_texts(server, make):
    expert = make()
    votes = expert(TEXTS, [f"row-{n}" for n in range(12)])
    assert labels(votes) == RIGHT
    assert [vote.id for vote in votes] == [f"row-{n}" for n in range(12)]
    one = votes[0]
    assert (one.expert, one.prompt_sha1, one.error) == ("tiny", expert.prompt.sha1, None)
    assert (one.input_tokens, one.output_tokens, one.cost_usd) == (22, 5, None)
    assert one.raw == f'{{"label": "{RIGHT[0]}"}}'
    assert dt.datetime.fromisoformat(one.answered_at).tzinfo is not None
    assert server.payloads[0]["temperature"] == 0
    assert server.payloads[0]["response_format"]["json_schema"]["schema"]["properties"]["label"]["enum"] == CLASSES
    assert expert.summary | {"seconds": 0} == {
        "rows": 12,
        "texts": 12,
        "from_store": 0,
        "asked": 12,
        "usable": 12,
        "unusable": {},
        "retries": 0,
        "cost_usd": 0.0,
        "spent_usd": 0.0,
        "seconds": 0,
    }


def test_equal_texts_are_asked_once_and_never_again(server, make):
    first = make()(TEXTS[:3] * 5)
    assert labels(first) == RIGHT[:3] * 5
    assert set(server.asked.values()) == {1}
    again = make()
    assert again(TEXTS[:3] * 5) == first
    assert again.summary["from_store"] == 3
    assert server.asked.total() == 3
    make(prompt={"user": "Other words: {text}"})(TEXTS[:1])
    make(temperature=0.5)(TEXTS[:1])
    assert server.asked.total() == 5


def test_an_empty_text_is_not_asked(server, make):
    votes = make()(["", "  \n", TEXTS[0]])
    assert [vote.error for vote in votes] == ["empty_text", "empty_text", None]
    assert server.asked.total() == 1


@pytest.mark.parametrize("action", [500, 503, 429, "cut", "half", "garbage", "drop"])
def test_hiccups_are_tried_again(server, make, action):
    server.faults.append(Fault(action, times=5))
    expert = make()
    assert labels(expert(TEXTS)) == RIGHT
    assert expert.summary["retries"] == 5
    assert set(server.answered.values()) == {1}


def test_a_hanging_request_is_given_up_and_tried_again(server, make):
    server.faults.append(Fault("hang", pattern="finding 3$", times=1))
    began = time.monotonic()
    assert labels(make(timeout_s=0.4)(TEXTS)) == RIGHT
    assert time.monotonic() - began < 5
    assert server.asked["finding 3"] == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured_by_all(server, make, form):
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    wish = "0.6" if form == "seconds" else format_datetime(until, usegmt=True)
    server.faults.append(Fault(429, times=1, headers={"Retry-After": wish}))
    began = time.monotonic()
    assert labels(make(concurrency=1)(TEXTS[:3])) == RIGHT[:3]
    # A date is whole seconds, so up to one of the two is cut off.
    assert 0.6 <= time.monotonic() - began < 4


def test_a_wish_to_wait_too_long_ends_the_run(server, make):
    server.faults.append(Fault(429, first=3, headers={"Retry-After": "3600"}))
    with pytest.raises(ExpertStopped, match=r"asks to wait 3600 seconds.*3 answers are kept in .*votes\.sqlite"):
        make(concurrency=1)(TEXTS)


def test_a_row_that_fails_for_good_is_counted_and_asked_again_later(server, make):
    server.faults.append(Fault(500, pattern="finding 3$"))
    server.faults.append(Fault(400, pattern="finding 5$", code="context_length_exceeded"))
    expert = make(max_retries=2)
    votes = expert(TEXTS)
    assert (votes[3].label, votes[3].error) == (None, "http_500")
    assert votes[5].error == "http_400 context_length_exceeded"
    assert labels(votes[:3] + votes[6:]) == RIGHT[:3] + RIGHT[6:]
    assert expert.summary["unusable"] == {"http_400 context_length_exceeded": 1, "http_500": 1}
    assert server.asked["finding 3"] == 3
    server.faults.clear()
    assert labels(expert(TEXTS)) == RIGHT
    assert expert.summary["asked"] == 2


@pytest.mark.parametrize(
    ("status", "message"), [(401, "key was refused .*MY_KEY"), (403, "no right to this model"), (404, "base_url")]
)
def test_what_trying_again_cannot_mend_ends_the_run_at_once(server, make, monkeypatch, status, message):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    server.faults.append(Fault(status, first=4))
    with pytest.raises(ExpertStopped, match=rf"{message}.*4 answers are kept") as caught:
        make(api_key_env="MY_KEY")(TEXTS * 20)
    assert "sk-very-secret" not in str(caught.value)
    assert server.asked.total() <= 8
    assert set(server.keys) == {"Bearer sk-very-secret"}


def test_an_endpoint_that_is_down_stops_after_the_first_rows(make):
    expert = make(base_url="http://127.0.0.1:9/v1", max_retries=2)
    with pytest.raises(
        ExpertStopped, match=r"5 questions in a row failed \(no_connection 5\).*endpoint is up.*0 answers"
    ):
        expert([f"text {n}" for n in range(10_000)])
    assert expert.summary["retries"] < 20


def test_an_endpoint_that_goes_down_keeps_what_was_answered(server, make):
    server.faults.append(Fault(503, first=5))
    with pytest.raises(ExpertStopped, match=r"http_503 .*5 answers are kept"):
        make(max_retries=1)(TEXTS * 100 + [f"more {n}" for n in range(50)])
    server.faults.clear()
    assert labels(make()(TEXTS)) == RIGHT
    assert max(server.answered.values()) == 1


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_schema_is_left_away_for_the_rest(server, make, status):
    server.faults.append(Fault("no_schema"))
    assert labels(make(concurrency=1)(TEXTS)) == RIGHT
    assert sum("response_format" in payload for payload in server.payloads) == 1
    assert labels(make()(["more"])) == [yes_or_no("more")]
    assert sum("response_format" in payload for payload in server.payloads) == 1
    strict = make(structured="json_schema")
    with pytest.raises(ExpertStopped, match="http_400"):
        strict([f"strict {n}" for n in range(9)])


def test_another_400_does_not_drop_the_schema(server, make):
    server.faults.append(Fault(400, pattern="finding 0$"))
    votes = make(concurrency=1)(TEXTS)
    assert votes[0].error == "http_400"
    assert all("response_format" in payload for payload in server.payloads[2:])


def test_answers_that_change_form_half_way_are_read_or_counted(server, make):
    server.faults.append(Fault("say", first=4, times=4, content=lambda text: f"Answer: **{yes_or_no(text).upper()}**."))
    server.faults.append(Fault("say", first=8, content="I would rather not judge a single case like this."))
    expert = make(concurrency=1)
    assert labels(expert(TEXTS)) == RIGHT[:8] + [None] * 4
    assert expert.summary["unusable"] == {"no_label": 4}
    server.faults.clear()
    assert labels(expert(TEXTS)) == RIGHT[:8] + [None] * 4
    assert server.asked.total() == 12
    assert labels(make(ask_unusable_again=True)(TEXTS)) == RIGHT
    assert server.asked.total() == 16


def test_a_run_of_unusable_answers_ends_it_before_the_money_is_gone(server, make):
    server.faults.append(Fault("say", first=6, content='{"verdict": 3}'))
    with pytest.raises(ExpertStopped, match=r"last 10 answers were unusable .*no_label.*change the prompt.*16 answers"):
        make(concurrency=1, stop_after_unusable=10)([f"text {n}" for n in range(200)])
    assert server.asked.total() == 16


def test_concurrency_is_bounded_and_used(server, make):
    server.latency_s = 0.05
    began = time.monotonic()
    make(concurrency=6)([f"text {n}" for n in range(36)])
    assert server.most_at_once == 6
    assert time.monotonic() - began < 36 * 0.05


def test_the_rate_is_kept(server, make):
    began = time.monotonic()
    make(requests_per_minute=600)(TEXTS[:6])
    assert time.monotonic() - began >= 0.5


def test_it_works_inside_a_running_loop(server, make):
    async def cell():
        return make()(TEXTS)

    assert labels(asyncio.run(cell())) == RIGHT


def test_two_calls_at_once_pay_once(server, make):
    server.latency_s = 0.1

    async def both():
        return await asyncio.gather(*(asyncio.to_thread(make(), TEXTS) for _ in range(2)))

    one, two = asyncio.run(both())
    assert one == two
    assert set(server.asked.values()) == {1}


def test_probabilities_said_or_measured(server, make):
    said = '{"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}'
    server.faults.append(Fault("say", content=said))
    assert make(probabilities="verbalised")(["x"])[0].probabilities == [0.25, 0.75]
    server.faults.clear()
    server.alternatives = lambda text: {"no": -1.6094379, "yes": -0.2231436}
    (vote,) = make(probabilities="logprobs")(["x"])
    assert vote.probabilities == pytest.approx([0.2, 0.8], abs=1e-3)
    assert server.payloads[-1]["top_logprobs"] == 20
    server.alternatives = None
    (vote,) = make(probabilities="logprobs")(["y"])
    assert (vote.label, vote.probabilities) == (yes_or_no("y"), None)


def test_settings_reach_the_server(server, make):
    make(temperature=None, max_tokens=77, max_tokens_name="max_completion_tokens", seed=3, extra_body={"top_k": 1})(
        ["x"]
    )
    payload = server.payloads[0]
    assert (payload["max_completion_tokens"], payload["seed"], payload["top_k"]) == (77, 3, 1)
    assert not {"temperature", "max_tokens"} & set(payload)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": None}, "give base_url .* or provider"),
        ({"concurrency": 0}, "concurrency is 0, but must be a number of at least 1"),
        ({"concurrency": None}, "concurrency is None"),
        ({"timeout_s": "fast"}, "timeout_s is 'fast'"),
        ({"probabilities": "some"}, "one of none, logprobs, verbalised"),
        ({"structured": "xml"}, "one of auto, json_schema, none"),
        ({"spending_cap_usd": 1.0}, "needs a price and max_tokens"),
        ({"extra_body": {"messages": []}}, "may not set 'messages'"),
        ({"prices": {"input_per_million": 1}}, "needs output_per_million"),
        ({"prices": {"other": {}}}, "does not name the model 'org/tiny'"),
        ({"prices": {"input_per_million": -1, "output_per_million": 1}}, "0 or more"),
        ({"base_url": "https://api.example.com/v1"}, "outside this machine"),
    ],
)
def test_wrong_settings_say_what_is_wrong(make, settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


@pytest.mark.parametrize("classes", [["yes", "yes"], ["yes"], "yes", ["yes", " "], [0, 1]])
def test_wrong_classes_say_what_is_wrong(classes):
    with pytest.raises(InputError, match="two or more different, non-empty names"):
        LlmExpert("tiny", classes, base_url="http://127.0.0.1:9/v1")


def test_wrong_calls_say_what_is_wrong(make, monkeypatch):
    for texts, ids, message in (
        ("one text", None, r"expert\(\[text\]\)"),
        ([1], None, "text number 0 is int"),
        (["a", "b"], ["1"], "2 texts came with 1 ids"),
    ):
        with pytest.raises(InputError, match=message):
            make()(texts, ids)
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(InputError, match="NO_SUCH_KEY is not set"):
        make(api_key_env="NO_SUCH_KEY")(["x"])
    with pytest.raises(InputError, match="characters that no key has"):
        make(api_key="sk\nx")(["x"])
    assert make()([]) == []
