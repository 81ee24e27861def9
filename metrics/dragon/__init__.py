"""The figures of the DRAGON benchmark, with bootstrap intervals."""
