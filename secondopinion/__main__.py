"""`python -m secondopinion`, which `torchrun` and `accelerate launch -m` can start in several processes."""

from .cli import main

if __name__ == "__main__":
    main()
