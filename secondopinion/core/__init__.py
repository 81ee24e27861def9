"""What every room stands on: errors, whole-or-nothing files, fingerprints, HTTP, progress, the run folder."""
