"""The command line: one verb for each step from raw reports to a published, demonstrated model."""

from __future__ import annotations

import errno
import os
import sys


def main() -> None:
    """Run the command line; exits with 0 when done, 2 for wrong input, 1 for a failure, 130 when interrupted."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from ..core.errors import DiskFullError, InputError
    from .app import app

    try:
        app(prog_name="secondopinion", standalone_mode=True)
    except InputError as error:
        sys.exit(_fail(str(error), 2))
    except DiskFullError as error:
        sys.exit(_fail(error.strerror or str(error), 1))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        sys.exit(_fail(f"{error.filename}: {error.strerror}; choose a place where you may write", 1))
    except KeyboardInterrupt:
        sys.exit(_fail("interrupted; what is finished is kept, and the same command continues", 130))


def _fail(message: str, code: int) -> int:
    print(f"secondopinion: {message}", file=sys.stderr)
    return code
