"""The package as a whole: what it ships, what it imports, how light it is, which way imports point."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest
from pins import pins

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("modeling", "dataset_scripts", "metrics", "model_cards", "recipes", "spaces")
MAY_IMPORT = {
    "modeling": set(),
    "metrics": set(),
    "core": set(),
    "dataset_scripts": {"core", "experts"},
    "experts": {"core", "modeling"},
    "scoring": {"core", "dataset_scripts", "modeling"},
    "model_cards": {"core"},
    "training": {"core", "modeling", "metrics", "experts", "scoring"},
    "publishing": {"core", "model_cards", "scoring", "training"},
    "spaces": set(),
    "recipes": set(),
}


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def sources():
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in ROOMS:
            yield path, parts[0]
        elif parts[0] == "secondopinion" and len(parts) > 2:
            yield path, parts[1]


def imported_rooms(path):
    """Yield the rooms of ours that a file imports, other than by single-dot siblings."""
    package = ["secondopinion", *path.relative_to(ROOT).parts[:-1]]
    if package[1] == "secondopinion":
        package = package[1:]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                target = [*base, *name.split(".")]
                if len(target) > 1 and target[0] == "secondopinion" and node.level > 1:
                    yield target[1]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "secondopinion":
            yield [*node.module.split("."), ""][1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "secondopinion":
                    yield [*alias.name.split("."), ""][1]


def test_imports_point_the_right_way():
    wrong = []
    for path, room in sources():
        if room == "cli":
            continue
        allowed = MAY_IMPORT[room] | {room} | (set() if room in ("modeling", "metrics", "spaces") else {""})
        wrong += [
            f"{path.relative_to(ROOT)} imports {target or 'secondopinion'}"
            for target in imported_rooms(path)
            if target not in allowed and not (room == "metrics" and target == "metrics")
        ]
    assert not wrong, "\n".join(wrong)


def test_what_goes_to_the_hub_imports_only_siblings():
    for path, room in sources():
        if room != "modeling":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, path
                assert node.module, f"{path}: 'from . import x' saves but does not load"
                assert "." not in node.module, path


def test_setup_cfg_lists_the_packages_on_disk():
    options = setup_cfg()["options"]
    listed = set(options["packages"].split())
    found = set()
    for path, _ in sources():
        parts = path.relative_to(ROOT).parts[:-1]
        if parts[0] != "secondopinion" and (ROOT.joinpath(*parts) / "__init__.py").exists():
            found.add(".".join(["secondopinion", *parts]))
    for init in (ROOT / "secondopinion").rglob("__init__.py"):
        found.add(".".join(init.parent.relative_to(ROOT).parts))
    assert found <= listed, sorted(found - listed)
    assert listed - found <= {"secondopinion.spaces"} | {p for p in listed if p.startswith("secondopinion.spaces")}


# Extras that cannot stand beside the pinned versions; their tests run where they are installed.
OLDER_NUMPY = ("scispacy", "medspacy")


def test_requirements_pin_everything_that_setup_cfg_asks_for():
    from packaging.requirements import Requirement

    pinned = pins()
    parser = setup_cfg()
    wanted = parser["options"]["install_requires"].splitlines()
    for name, extra in parser["options.extras_require"].items():
        if name not in OLDER_NUMPY:
            wanted += extra.splitlines()
    for line in filter(None, wanted):
        requirement = Requirement(line)
        name = requirement.name.lower().replace("_", "-")
        assert name in pinned, f"{name} is not pinned in requirements.txt"
        assert requirement.specifier.contains(pinned[name]), (
            f"{name}: {pinned[name]} is outside {requirement.specifier}"
        )


OLDER = """
import sys, types

older = types.ModuleType("transformers")
older.__version__ = "4.57.1"
sys.modules["transformers"] = older
try:
    {importing}
except ImportError as error:
    print(error)
"""


def test_an_older_transformers_is_told_what_to_install(tmp_path):
    """As a package, and as the flat files that a repository on the Hub has."""
    from secondopinion.modeling.supported_versions import OLDEST

    floor = ".".join(map(str, OLDEST))
    assert f"transformers>={floor}," in setup_cfg()["options"]["install_requires"]
    message = f'needs transformers {floor} or newer, not 4.57.1: pip install -U "transformers>={floor}"'
    assert message in run_python(OLDER.format(importing="import secondopinion.modeling"))
    for path in (ROOT / "modeling").glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "__init__.py").write_text("")
    package = f"sys.path.insert(0, {str(tmp_path.parent)!r}); import {tmp_path.name}.configuration_"
    for name in ("pooled_encoder", "deferral", "multitask_qa"):
        assert message in run_python(OLDER.format(importing=package + name))


def run_python(code):
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_import_is_light_and_exports_are_lazy():
    heavy = "'torch', 'transformers', 'datasets', 'sklearn', 'pandas', 'numpy', 'gradio'"
    code = f"import sys, secondopinion, secondopinion.cli.app; print([m for m in ({heavy}) if m in sys.modules])"
    assert run_python(code) == "[]"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(__import__("secondopinion"), "nothing")  # noqa: B009


def test_every_export_exists():
    import secondopinion

    for name in secondopinion.__all__:
        assert getattr(secondopinion, name) is not None
    assert set(secondopinion.__all__) <= set(dir(secondopinion))


@pytest.mark.parametrize(
    "verb",
    [
        "prepare",
        "convert",
        "train",
        "adopt",
        "ablate",
        "ask",
        "defer",
        "evaluate",
        "score",
        "card",
        "push",
        "space",
        "demo",
    ],
)
def test_help_shows_an_example(verb):
    from typer.testing import CliRunner

    from secondopinion.cli.app import app

    answer = CliRunner().invoke(app, [verb, "--help"])
    assert answer.exit_code == 0
    assert "Example:" in answer.output
    assert f"secondopinion {verb}" in answer.output


def test_a_wheel_holds_every_room(tmp_path):
    import zipfile

    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    source = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*command, str(source)], check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    code = (
        f"import sys; sys.path = [{str(target)!r}] + [p for p in sys.path if 'secondopinion' not in p and p != '']; "
        "sys.meta_path = [f for f in sys.meta_path if 'editable' not in getattr(f, '__module__', str(f)).lower()]; "
        "import secondopinion, secondopinion.modeling, secondopinion.dataset_scripts.maude; "
        "from secondopinion.training import load_recipe; load_recipe('maude_offline'); "
        "import importlib.resources as r; "
        "assert (r.files('secondopinion.model_cards') / 'templates').is_dir(); "
        "assert (r.files('secondopinion') / 'spaces' / 'maude_severity' / 'app.py').is_file(); "
        "assert (r.files('secondopinion') / 'spaces' / 'look.py').is_file(); "
        "print(secondopinion.__file__)"
    )
    assert str(target) in run_python(code)
