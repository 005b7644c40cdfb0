"""The questions asked of a theorem: check and what it stands on."""
