"""Any corpus to predictions, at the machine's speed."""
