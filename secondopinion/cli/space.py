"""Spaces of this project and of a run, served on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.errors import InputError
from ..core.progress import say
from ..publishing.spaces import require_space, stage_space
from .live_expert import LiveExpert
from .space_access import read_logins, read_rate
from .space_links import space_for


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
    password_file: str | os.PathLike | None = None,
    password_env: str | None = None,
    rate: str | None = None,
    api_docs: bool = False,
    also: Sequence[str | os.PathLike] = (),
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
        password_file: lets in only who is in it, a line `name:password` each.
        password_env: the environment variable that holds such lines instead.
        rate: how many answers each person may ask for, such as `20/minute`; a row of a table counts as one.
        api_docs: offer the page's API, with a page about it.
        also: other models, each of which its own Space serves on a port of its own; of `second_opinion` alone, which
            links them.
        block: wait until Ctrl+C; otherwise the page runs until the process ends.

    Returns:
        The page's address.

    Raises:
        InputError: there is no such Space or model, it does not take an option, text may not go to the expert, a
            login or rate is none, gradio is not installed, or the port is taken.
    """
    if importlib.util.find_spec("gradio") is None:
        raise InputError("a Space needs gradio: pip install 'secondopinion[spaces]'")
    require_space(name)
    if model is None:
        raise InputError("a Space needs a model: give --model a folder that push wrote, a run folder, or a Hub id")
    logins, limit = read_logins(password_file, password_env), read_rate(rate)
    importlib.import_module("secondopinion.modeling")
    with tempfile.TemporaryDirectory(prefix="space-") as folder:
        staged = Path(folder) / "app"
        staged.mkdir()
        stage_space(name, staged)
        options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
        own = {"baseline": baseline, "baseline_revision": baseline_revision, "expert": expert, "queue": queue}
        own["links"] = {} if also else None
        options |= {option: value for option, value in own.items() if value is not None}
        with loaded_app(staged) as app:
            _require_options(name, app.build, options)
            for place, other in enumerate(also):
                shown = _published(other, Path(folder) / f"also-{place}")
                options["links"][space_for(shown)] = launch_space(
                    space_for(shown),
                    model=shown,
                    host=host,
                    trust_remote_code=trust_remote_code,
                    password_file=password_file,
                    password_env=password_env,
                    rate=rate,
                    api_docs=api_docs,
                    block=False,
                )
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
    doors: dict[str, Any] = {"api_docs": api_docs, "rate": look.RateLimit(*limit) if limit else None}
    if logins:
        doors |= {"auth": logins.check, "auth_message": look.door(demo.title)}
    try:
        _, url, _ = look.launch(
            demo,
            server_name=host,
            server_port=port,
            inbrowser=open_browser,
            prevent_thread_lock=True,
            quiet=True,
            **doors,
        )
    except OSError as error:
        taken = port or "7860 and above"
        raise InputError(f"{host} port {taken} cannot be used ({error}); give another --port") from error
    if logins is None and host not in ("127.0.0.1", "localhost", "::1"):
        say(f"whoever reaches {host} can use this page; --password-file lets in only whom you name")
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
