"""The innermost loops, written so that sums stay in vector registers."""
