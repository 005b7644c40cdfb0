"""Sources, premises, comparisons and theorems; knows nothing of what they are about."""
