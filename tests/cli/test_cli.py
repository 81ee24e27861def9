"""Exit codes and messages, as a person meets them."""

import os
import subprocess
import sys

import pytest

from secondopinion.cli import main


def secondopinion(*arguments, cwd):
    command = [sys.executable, "-m", "secondopinion", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)


def test_help_and_version_exit_with_zero(tmp_path):
    assert secondopinion("--version", cwd=tmp_path).stdout.strip().count(".") == 2
    shown = secondopinion("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for verb in ("prepare", "train", "evaluate", "push", "space", "demo"):
        assert verb in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "mauve", "--source", "x"), "unknown corpus 'mauve'; did you mean 'maude'?"),
        (("train", "--config", "maude_tfidff"), "did you mean 'maude_tfidf.yaml'?"),
        (("train", "--config", "maude_tfidf", "--data", "./none"), "make it with: secondopinion prepare"),
        (("evaluate", "none"), "is not a finished run"),
        (("push", "none", "--to", "a/b"), "is not a finished run"),
        (("space", "maude_severty"), "did you mean 'maude_severity'?"),
    ],
)
def test_wrong_input_exits_with_two_and_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["secondopinion", *arguments])
    for name in ("HF_HUB_DISABLE_TELEMETRY", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, os.environ.get(name, "true"))
    with pytest.raises(SystemExit) as ended:
        main()
    answer = capsys.readouterr()
    assert ended.value.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_unknown_options_exit_with_two(tmp_path):
    assert secondopinion("train", "--confg", "x", cwd=tmp_path).returncode == 2
