"""Who may use a Space, how often, and through which doors."""

import doctest

import pytest

from secondopinion.cli import space_access
from secondopinion.cli.space import launch_space
from secondopinion.cli.space_access import read_logins, read_rate
from secondopinion.core.errors import InputError

pytest.importorskip("gradio", reason="gradio is in the extra [spaces]")


@pytest.fixture
def logins(tmp_path):
    def file(text, mode=0o600):
        path = tmp_path / "logins"
        path.write_text(text)
        path.chmod(mode)
        return path

    return file


def test_rates_are_read_or_refused():
    assert doctest.testmod(space_access).failed == 0
    assert read_rate(None) is None
    assert read_rate(" 3 / hour ") == (3, 3600.0)
    for wrong in ("20", "0/minute", "-1/minute", "2/day", "x/minute", "1.5/minute", ""):
        with pytest.raises(InputError, match="is no rate; expected such as 20/minute"):
            read_rate(wrong)


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("ann:correct horse", 0o644, "can be read by others on this machine; run: chmod 600"),
        ("ann:correct horse\nzebrawood", 0o600, "line 2 of .* is no login; expected name:password"),
        (":zebrawood horse", 0o600, "line 1 of .* is no login"),
        ("ann:zebra", 0o600, "the password on line 1 of .* has 5 characters; expected 8 or more"),
        ("ann:zebrawood 1\nann:zebrawood 2", 0o600, "line 2 of .* names somebody a second time"),
        ("# nobody\n\n", 0o600, "holds no login"),
    ],
)
def test_logins_that_are_none_are_refused_without_a_word_of_them(logins, text, mode, message):
    with pytest.raises(InputError, match=message) as caught:
        read_logins(logins(text, mode))
    assert "zebra" not in str(caught.value)


def test_logins_come_from_a_file_or_a_variable(logins, tmp_path, monkeypatch):
    assert read_logins() is None
    assert len(read_logins(logins("# us\nann:with:colon 1\n\nbob:battery staple\n"))) == 2
    with pytest.raises(InputError, match="no file .*write a line name:password for each person"):
        read_logins(tmp_path / "nowhere")
    with pytest.raises(InputError, match="not both"):
        read_logins(tmp_path / "logins", "LOGINS")
    with pytest.raises(InputError, match="the variable LOGINS is not set"):
        read_logins(variable="LOGINS")
    monkeypatch.setenv("LOGINS", "ann:correct horse")
    assert len(read_logins(variable="LOGINS")) == 1


def result_of(client, url, text):
    """Return the lines of what the API answers to a text."""
    asked = client.post(f"{url}gradio_api/call/classify", json={"data": [text]})
    assert asked.status_code == 200, asked.text
    with client.stream("GET", f"{url}gradio_api/call/classify/{asked.json()['event_id']}") as answer:
        return [line for line in answer.iter_lines() if line]


def test_the_door_the_api_and_the_rate(model_folder, logins, monkeypatch):
    import gradio
    import httpx2

    monkeypatch.setattr(space_access, "FAILED_WAIT_S", 0.01)
    file = logins("ann:with:colon 1\nbob:battery staple")
    url = launch_space(model=model_folder, password_file=file, rate="2/hour", api_docs=True, block=False)
    try:
        ann, bob = httpx2.Client(), httpx2.Client()
        for path in ("config", "gradio_api/info", "gradio_api/queue/status"):
            assert ann.get(f"{url}{path}").status_code == 401, path
        assert ann.post(f"{url}gradio_api/call/classify", json={"data": ["x"]}).status_code == 401
        for name, password in (("ann", "battery staple"), ("ann", ""), ("eve", "with:colon 1"), ("", "")):
            wrong = ann.post(f"{url}login", data={"username": name, "password": password})
            assert wrong.status_code in (400, 422), (name, password)
        for client, name, password in ((ann, "ann", "with:colon 1"), (bob, "bob", "battery staple")):
            assert client.post(f"{url}login", data={"username": name, "password": password}).status_code == 200
        offered = ann.get(f"{url}gradio_api/info").json()
        assert list(offered["named_endpoints"]) == ["/classify"]
        assert offered["unnamed_endpoints"] == {}
        assert ann.get(f"{url}config").json()["run_history"] is False
        for _ in range(2):
            event, answer = result_of(ann, url, "the pump stopped")
            assert event == "event: complete"
            assert '"phase_2"' in answer
        event, answer = result_of(ann, url, "the pump stopped")
        assert event == "event: error"
        assert "This page answers each person 2 times in 3,600 seconds. Please try again in" in answer
        assert result_of(bob, url, "")[1] == 'data: [{"problem": "Report: empty"}]', "each has a rate of their own"
    finally:
        gradio.close_all()
