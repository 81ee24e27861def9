"""Spaces: a folder of `spaces/` becomes a page on this machine, or a folder that is ready for the Hub."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.errors import InputError, closest
from ..core.files import atomic_folder, write_json
from ..core.progress import say
from .live_expert import LiveExpert

PACKAGE = Path(__file__).resolve().parents[1]

# Modules of other rooms that a Space imports, copied as a package with the siblings that they import.
_CLEANING = {"cleaning": ("dataset_scripts", "maude/text.py")}
SHARED = {
    "maude_severity": _CLEANING,
    "deferral_console": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
    "clinical_qa": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
    "long_cases": {**_CLEANING, "severity": ("spaces", "maude_severity/readers.py")},
}
_SIBLING = re.compile(r"^from \.(\w+) import ", re.MULTILINE)


def room(name: str) -> Path:
    """Return the folder of a room such as `spaces`, in a checkout or in an installed wheel.

    Raises:
        InputError: the installation lacks it.
    """
    for folder in (PACKAGE / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise InputError(f"this installation has no {name}/; install secondopinion again")


def space_names() -> list[str]:
    """Return the names of the Spaces that can be started."""
    return sorted(path.parent.name for path in room("spaces").glob("*/app.py"))


def require_space(name: str) -> None:
    """Raise unless there is a Space of this name.

    Raises:
        InputError: there is none.
    """
    if name not in space_names():
        raise InputError(f"there is no Space {name!r}; {closest(name, space_names())}")


def stage_space(name: str, folder: Path) -> None:
    """Copy a Space, the look, and what it shares with other rooms into an existing folder.

    Raises:
        InputError: there is no such Space.
    """
    require_space(name)
    spaces = room("spaces")
    shutil.copyfile(spaces / "look.py", folder / "look.py")
    for path in sorted((spaces / name).iterdir()):
        if path.is_file() and path.suffix in (".py", ".md", ".txt"):
            shutil.copyfile(path, folder / path.name)
    for package, (origin, file) in SHARED.get(name, {}).items():
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
        for module in with_siblings(room(origin) / file):
            shutil.copyfile(module, folder / package / module.name)


def with_siblings(module: Path) -> list[Path]:
    """Return a module and all modules that it imports by a single dot, directly or through one another."""
    found = [module]
    for path in found:
        siblings = (path.with_name(f"{name}.py") for name in _SIBLING.findall(path.read_text(encoding="utf-8")))
        found.extend(sibling for sibling in siblings if sibling not in found)
    return found


def publish_space(
    name: str,
    to_folder: str | os.PathLike,
    model_id: str,
    baseline_id: str | None = None,
    *,
    revision: str | None = None,
    baseline_revision: str | None = None,
    trust_remote_code: bool = False,
) -> Path:
    """Write a Space as the folder that the Hub runs, whole or not at all.

    Args:
        name: of the Space.
        to_folder: written anew.
        model_id: the model's id on the Hub.
        baseline_id: the phase-1 model's id on the Hub.
        revision: the model's commit; pin it where its code is trusted.
        baseline_revision: the phase-1 model's commit.
        trust_remote_code: whether the Space may run code of the model's repository.

    Returns:
        `to_folder`.

    Raises:
        InputError: there is no such Space, or an id is a path of this machine.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    for value in filter(None, (model_id, baseline_id)):
        try:
            validate_repo_id(value)
        except HFValidationError:
            valid = False
        else:
            valid = "/" in value and not Path(value).exists()
        if not valid:
            raise InputError(
                f"{value!r} is not a Hub id (namespace/name), and a Space on the Hub cannot read this "
                "machine's folders; push the model first, then give the id that it got"
            )
    chosen = {
        "space": name,
        "model": model_id,
        "revision": revision,
        "baseline": baseline_id,
        "baseline_revision": baseline_revision,
        "trust_remote_code": trust_remote_code,
    }
    with atomic_folder(to_folder) as folder:
        stage_space(name, folder)
        write_json(folder / "space.json", {key: value for key, value in chosen.items() if value is not None})
        _name_models(folder / "README.md", [value for value in (model_id, baseline_id) if value])
    return Path(to_folder)


def _name_models(readme: Path, models: list[str]) -> None:
    from huggingface_hub.repocard import RepoCard

    card = RepoCard(readme.read_text(encoding="utf-8"))
    card.data.models = models
    readme.write_text(str(card), encoding="utf-8")


@contextmanager
def loaded_app(folder: Path) -> Iterator[ModuleType]:
    """Import a staged Space's `app.py` with its siblings; afterwards no module or search path of it is left."""
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    own = packages | {path.stem for path in folder.glob("*.py")}

    def take() -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in own}

    others = take()
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("app")
    finally:
        sys.path.remove(str(folder))
        take()
        sys.modules.update(others)


def launch_space(
    name: str = "maude_severity",
    *,
    model: str | os.PathLike | None = None,
    baseline: str | os.PathLike | None = None,
    revision: str | None = None,
    baseline_revision: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = False,
    trust_remote_code: bool = False,
    expert: LiveExpert | None = None,
    queue: str | os.PathLike | None = None,
    block: bool = True,
) -> str:
    """Start a Space on this machine.

    Args:
        name: of the Space.
        model: folder that `push` wrote, a finished run folder, or an id on the Hub.
        baseline: the phase-1 model, likewise; of `maude_severity` alone.
        revision: of the model on the Hub.
        baseline_revision: of the baseline on the Hub.
        host: address to listen on; the default is reached from this machine only.
        port: to listen on; the first free one from 7860 by default.
        open_browser: open the page.
        trust_remote_code: whether code in the model's repository may run; models of this project do not need
            it here, because their classes are installed.
        expert: a language model that is asked about texts that are deferred; of `deferral_console` alone.
        queue: the review queue where people answer, a file or folder; of `deferral_console` alone.
        block: wait until Ctrl+C; otherwise the page runs until the process ends.

    Returns:
        The page's address.

    Raises:
        InputError: there is no such Space or model, it does not take an option, text may not go to the expert, gradio
            is not installed, or the port is taken.
    """
    if importlib.util.find_spec("gradio") is None:
        raise InputError("a Space needs gradio: pip install 'secondopinion[spaces]'")
    require_space(name)
    if model is None:
        raise InputError("a Space needs a model: give --model a folder that push wrote, a run folder, or a Hub id")
    importlib.import_module("secondopinion.modeling")
    with tempfile.TemporaryDirectory(prefix="space-") as folder:
        staged = Path(folder) / "app"
        staged.mkdir()
        stage_space(name, staged)
        options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
        own = {"baseline": baseline, "baseline_revision": baseline_revision, "expert": expert, "queue": queue}
        options |= {option: value for option, value in own.items() if value is not None}
        with loaded_app(staged) as app:
            _require_options(name, app.build, options)
            source = _published(model, Path(folder) / "model")
            if baseline is not None:
                options["baseline"] = _published(baseline, Path(folder) / "baseline")
            if queue is not None:
                options["queue"] = os.fspath(queue)
            try:
                if expert is not None:
                    options["expert"] = expert.connect(app.Published.read(source, revision).facts)
                demo = app.build(source, **options)
            except InputError:
                raise
            except (OSError, ValueError) as error:
                raise InputError(f"the Space {name} could not load its models: {error}") from error
            look = app.look
    try:
        _, url, _ = look.launch(
            demo, server_name=host, server_port=port, inbrowser=open_browser, prevent_thread_lock=True, quiet=True
        )
    except OSError as error:
        taken = port or "7860 and above"
        raise InputError(f"{host} port {taken} cannot be used ({error}); give another --port") from error
    say(f"{demo.title} on {url} · Ctrl+C ends it")
    if block:
        # A stop from outside ends like Ctrl+C does, so that the private folder of the page is removed.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        demo.block_thread()
    return url


def _require_options(name: str, build: Callable[..., Any], options: Mapping[str, Any]) -> None:
    known = inspect.signature(build).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise InputError(f"the Space {name} takes no {unknown[0]}; it takes {', '.join(known)}")


def _published(given: str | os.PathLike, room_for_it: Path) -> str:
    """Return a folder or Hub id that the Space can load; a run is published into `room_for_it` first."""
    source = os.fspath(given)
    folder = Path(source).expanduser()
    if not folder.is_dir() or (folder / "config.json").exists():
        return source
    if not (folder / "run.json").exists():
        raise InputError(f"{source} is neither a published model (config.json) nor a finished run (run.json)")
    from ..core.run_folder import RunFolder
    from ..model_cards import publish

    target = room_for_it / folder.resolve().name
    publish(RunFolder.open(folder), target)
    return str(target)
