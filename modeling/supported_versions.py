"""The oldest transformers that this code runs with; an older one is told so, in place of some missing name."""

import transformers

OLDEST = (5, 20)


def require_transformers(version: str) -> None:
    """Raise unless a version of transformers is recent enough.

    Args:
        version: as `transformers.__version__` has it.

    Raises:
        ImportError: it is older; it says what to install.

    >>> require_transformers("5.21.0.dev0")
    >>> require_transformers("4.57.1")
    Traceback (most recent call last):
    ...
    ImportError: this model needs transformers 5.20 or newer, not 4.57.1: pip install -U "transformers>=5.20"
    """
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ImportError(
            f'this model needs transformers {oldest} or newer, not {version}: pip install -U "transformers>={oldest}"'
        )


require_transformers(transformers.__version__)
