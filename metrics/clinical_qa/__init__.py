"""How good a model is that answers questions about clinical notes by a span and a category."""
