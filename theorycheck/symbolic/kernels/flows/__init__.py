"""Whole runs of gradient flow in compiled code: the method, its control of steps, and the fields it is compiled for."""
