"""Precision, recall and F1 of each class, with bootstrap intervals."""
