"""What every Space states of itself: front matter, pinned requirements, and that these are all that it imports."""

import ast
import sys
from pathlib import Path

import pytest
import yaml

from secondopinion.publishing.spaces import space_names, stage_space

ROOT = Path(__file__).parents[2]
PINNED = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml"}


@pytest.mark.parametrize("name", space_names())
def test_the_front_matter_is_complete(name):
    _, matter, text = (ROOT / "spaces" / name / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    data = yaml.safe_load(matter)
    assert data["sdk"] == "gradio"
    assert data["sdk_version"] == PINNED["gradio"]
    assert data["python_version"] == "3.11"
    assert data["app_file"] == "app.py"
    assert data["license"] == "apache-2.0"
    assert {data["colorFrom"], data["colorTo"]} <= COLOURS
    assert data["emoji"]
    assert data["tags"][0] == "medical"
    assert data["models"] == []
    assert len(data["short_description"]) <= 60
    assert text.lstrip().startswith(f"# {data['title']}\n")
    assert "not for clinical decisions" in text


@pytest.mark.parametrize("name", space_names())
def test_what_a_space_imports_is_pinned_as_tested(name, tmp_path):
    lines = (ROOT / "spaces" / name / "requirements.txt").read_text().splitlines()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    assert list(wanted) == sorted(wanted)
    assert {name: PINNED[name] for name in wanted} == wanted
    stage_space(name, tmp_path)
    own = {path.stem for path in tmp_path.glob("*.py")} | {path.name for path in tmp_path.iterdir() if path.is_dir()}
    found = set()
    for path in tmp_path.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    found = {DISTRIBUTIONS.get(module, module) for module in found - set(sys.stdlib_module_names) - own}
    # gradio is pinned by sdk_version; skops reads phase 1 alone, which one Space shows.
    assert found - {"gradio"} - ({"skops"} if name != "maude_severity" else set()) <= set(wanted)
