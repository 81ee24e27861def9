"""How good a classifier is that hands some rows to an expert: at one rate, and over all rates."""
