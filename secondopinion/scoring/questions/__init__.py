"""Many questions asked of many notes."""
