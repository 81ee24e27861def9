"""This process's place among those that `accelerate launch` or `torchrun` started."""

from __future__ import annotations

import contextlib
import os
from typing import Any


class Alone:
    """The only process; answers as `accelerate.PartialState` does, without importing torch."""

    is_main_process = True
    num_processes = 1

    def wait_for_everyone(self) -> None:
        """Nobody to wait for."""

    def main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """Nobody to go before."""
        return contextlib.nullcontext()


def process_place() -> Any:
    """Return the `PartialState` of several processes, or `Alone`."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Alone()
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())
