"""Everything exact; SymPy lives here."""
