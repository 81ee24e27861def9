"""Where a text may go: this machine always, elsewhere only if recipe and corpus both allow it."""

import pytest

from secondopinion.core.errors import InputError
from secondopinion.core.policy import CorpusPolicy
from secondopinion.experts.access import endpoint_host, is_loopback, is_remote, require_allowed

OPEN = CorpusPolicy("cc0-1.0", True, True, True)
CLOSED = CorpusPolicy("physionet-credentialed", False, False, False, agreement="PhysioNet 1.5.0")

LOCAL = [
    "http://127.0.0.1:8000/v1",
    "http://127.8.9.10/v1",
    "http://localhost/v1",
    "https://LOCALHOST:1/v1",
    "http://[::1]:8000/v1",
    "http://127.0.0.1:8000/v1?x=@evil.com#@evil.com",
]
REMOTE = [
    "https://api.example.com/v1",
    "http://127.0.0.1.evil.com/v1",
    "http://localhost.evil.com/v1",
    "http://evil.com/127.0.0.1",
    "http://evil.com#127.0.0.1",
    "http://0.0.0.0:8000/v1",
    "http://[::]:8000/v1",
    "http://[::ffff:10.0.0.1]/v1",
    "http://10.0.0.7/v1",
    "http://128.0.0.1/v1",
    "http://127.1/v1",
    "http://2130706433/v1",
    "http://0x7f.0.0.1/v1",
    "http://localhost./v1",
    "http://１２７.0.0.1/v1",
]
UNREADABLE = [
    "http://127.0.0.1@evil.com/v1",
    "http://localhost:8000@evil.com/v1",
    "http://user:password@127.0.0.1/v1",
    "http://127.0.0.1\\@evil.com/v1",
    "http://evil.com\\.127.0.0.1/v1",
    "http://127.0.0.1 .evil.com/v1",
    "http://127.0.0.1\t/v1",
    "http://127.0.0.1\n.evil.com",
    "localhost:8000/v1",
    "//127.0.0.1/v1",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "http:///v1",
    "http://127.0.0.1:port/v1",
    "http://[::1/v1",
    "",
]


@pytest.mark.parametrize("url", LOCAL)
def test_this_machine_needs_no_permission(url):
    assert not is_remote(url)
    require_allowed(url, allow_remote=False, policy=CLOSED)


@pytest.mark.parametrize("url", REMOTE)
def test_everything_else_needs_one(url):
    assert is_remote(url)
    assert not is_loopback(endpoint_host(url))
    with pytest.raises(InputError, match="outside this machine"):
        require_allowed(url, allow_remote=False, policy=OPEN)


@pytest.mark.parametrize("url", UNREADABLE)
def test_addresses_that_two_programs_may_read_differently_are_refused(url):
    with pytest.raises(InputError, match="base_url") as caught:
        require_allowed(url, allow_remote=True, policy=OPEN)
    assert "password@" not in str(caught.value)


def test_both_the_recipe_and_the_corpus_must_allow_it():
    url = "https://API.example.com/v1"
    with pytest.raises(InputError, match=r"write `allow_remote: \[api.example.com\]`"):
        require_allowed(url, allow_remote=["other.example.com"], policy=OPEN)
    with pytest.raises(InputError, match="terms of this corpus .*physionet.* do not let its text leave"):
        require_allowed(url, allow_remote=["api.example.com"], policy=CLOSED)
    with pytest.raises(InputError, match="naming the agreement 'PhysioNet 1.5.0' does not change that"):
        require_allowed(url, allow_remote=True, policy=CLOSED, agreement="PhysioNet 1.5.0")
    require_allowed(url, allow_remote=["Api.Example.com"], policy=OPEN)
    require_allowed(url, allow_remote=True, policy=OPEN)


def test_a_subdomain_of_an_allowed_host_is_another_host():
    for url in ("https://a.example.com/v1", "https://example.com.evil.org/v1", "https://notexample.com/v1"):
        with pytest.raises(InputError, match="outside this machine"):
            require_allowed(url, allow_remote=["example.com"], policy=OPEN)


def test_a_hosted_provider_is_always_remote():
    assert is_remote(None)
    assert is_remote(None, "together")
    assert is_remote("http://127.0.0.1/v1", "together")
    with pytest.raises(InputError, match=r"the provider 'together' is outside this machine"):
        require_allowed(None, provider="together", allow_remote=False, policy=OPEN)
    with pytest.raises(InputError, match=r"the provider 'auto' is outside"):
        require_allowed(None, allow_remote=[], policy=OPEN)
    require_allowed(None, provider="together", allow_remote=["together"], policy=OPEN)
    with pytest.raises(InputError, match="not both"):
        require_allowed("http://127.0.0.1/v1", provider="together", allow_remote=True, policy=OPEN)


@pytest.mark.parametrize("allowed", ["api.example.com", [1]])
def test_allow_remote_is_a_flag_or_a_list(allowed):
    with pytest.raises(InputError, match="allow_remote is true, false or a list"):
        require_allowed("https://api.example.com/v1", allow_remote=allowed, policy=OPEN)
