"""Tapes: straight-line programs of a map and its derivatives, lowered from SymPy or matrix words and run by one compiled machine."""
