"""One thread a process, and the same Hypothesis examples on every machine."""

import os

from hypothesis import HealthCheck, settings

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # read when NumPy and numba are first imported, after this file

# A slow machine is no failure: neither a deadline nor the health check of drawing speed depends on the code alone.
settings.register_profile("house", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
