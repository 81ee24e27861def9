"""Colours of all plots."""

# Okabe & Ito (2008): told apart under every common kind of colour blindness; shape and place differ as well.
BLUE, ORANGE, RED, GREY, INK = "#0072B2", "#E69F00", "#D55E00", "#9AA0A6", "#202124"
