"""What must not get out: prompts, answers and keys in logs and messages; text to hosts that were not allowed."""

import json
import logging
import socket
import threading
import traceback

import pytest
from chat_server import ChatServer, Fault

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.experts.asking import ExpertStopped
from secondopinion.experts.llm import LlmExpert
from secondopinion.experts.redaction import Redactor

CLASSES = ["no", "yes"]
SECRET = "Zebulon Quillfeather had a rash"
KEY = "sk-not-for-anyone"


@pytest.fixture
def server():
    with ChatServer() as running:
        yield running


def expert(server, **more):
    return LlmExpert("tiny", CLASSES, **{"base_url": server.url, "backoff_s": 0.001, "api_key": KEY, **more})


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Fault(400, code="refused_zebulon"),
        Fault(401),
        Fault(500),
        Fault("cut"),
        Fault("half"),
        Fault("garbage"),
        Fault("say", content=f"{SECRET}, so perhaps"),
        Fault("hang"),
    ],
    ids=lambda fault: str(fault and fault.action),
)
def test_nothing_of_a_text_an_answer_or_a_key_is_logged_or_raised(server, caplog, capfd, fault):
    if fault is not None:
        server.faults.append(fault)
    caplog.set_level(logging.DEBUG)
    told = ""
    one = expert(server, max_retries=1, timeout_s=0.3, give_up_after=2, stop_after_unusable=2, concurrency=1)
    try:
        one([f"{SECRET} {n}" for n in range(25)])
    except ExpertStopped as error:
        told = "".join(traceback.format_exception(error))
    printed = capfd.readouterr()
    everything = caplog.text + printed.out + printed.err + told + repr(one) + json.dumps(one.facts())
    assert everything
    for secret in ("Zebulon", "zebulon", "Quillfeather", "rash", KEY):
        assert secret not in everything
    assert (fault is None) == (not told)


def test_the_store_holds_no_text_and_no_key(server, tmp_path):
    store = tmp_path / "votes.sqlite"
    expert(server, store=store)([SECRET])
    content = store.read_bytes()
    assert b"Quillfeather" not in content
    assert KEY.encode() not in content


def test_a_saved_hub_token_is_not_sent_to_other_servers(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_saved")
    expert(server, api_key=None)(["x"])
    assert server.keys == [None]


def test_redirects_are_not_followed(server):
    with ChatServer() as elsewhere:
        server.faults.append(Fault(307, headers={"Location": f"{elsewhere.url}/chat/completions"}))
        with pytest.raises(ExpertStopped, match="HTTP 307.*redirects are not followed"):
            expert(server)([SECRET])
        assert not elsewhere.asked


def test_no_proxy_stands_between_us_and_this_machine(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        seen = []
        threading.Thread(target=lambda: seen.append(proxy.accept()), daemon=True).start()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert expert(server)(["x"])[0].label is not None
        assert not seen


@pytest.mark.parametrize(
    ("allowed", "may_leave", "message"),
    [
        ((), True, "does not allow it"),
        (["other.example.com"], True, "does not allow it"),
        (["api.example.com"], False, "do not let its text leave the machine"),
        (True, False, "do not let its text leave the machine"),
    ],
)
def test_text_leaves_the_machine_only_where_recipe_and_corpus_say_so(server, allowed, may_leave, message):
    policy = CorpusPolicy("other", may_leave, publish_text=False, publish_models=False)
    with pytest.raises(InputError, match=message):
        expert(server, base_url="https://api.example.com/v1", allow_remote=allowed, policy=policy)
    with pytest.raises(InputError, match="provider 'groq'"):
        expert(server, base_url=None, provider="groq", policy=policy)
    allowed_one = expert(
        server,
        base_url="https://api.example.com/v1",
        allow_remote=["api.example.com"],
        policy=CorpusPolicy("cc0-1.0", True, publish_text=True, publish_models=True),
    )
    assert allowed_one.facts()["remote"] is True
    assert expert(server).facts()["remote"] is False


def test_identifiers_are_masked_on_the_way_and_put_back(server):
    text = "Seen on 2019-03-04, call 617-555-0123 or ann@example.com."
    server.faults.append(Fault("say", content=lambda sent: json.dumps({"label": "yes", "why": sent})))
    (vote,) = expert(server, redactor=Redactor())([text])
    (sent,) = server.asked
    for identifier in ("2019-03-04", "617-555-0123", "ann@example.com"):
        assert identifier not in sent
        assert identifier in vote.raw
    assert vote.label == "yes"


def test_facts_are_plain_and_hold_no_path(server):
    facts = LlmExpert("/models/tiny-llama", CLASSES, base_url=server.url, extra_body={"top_k": 1}).facts()
    assert facts["model"] == facts["name"] == "tiny-llama"
    assert "/models" not in json.dumps(facts)
    assert facts["settings"]["top_k"] == 1
    assert len(facts["prompt_sha1"]) == 40
