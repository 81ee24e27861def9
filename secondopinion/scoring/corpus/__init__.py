"""What is scored, and what is written of it: files, shards, tables."""
