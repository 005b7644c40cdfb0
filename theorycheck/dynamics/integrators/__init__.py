"""Integrators of flows: fields, schemes, the driver, the policy and the error bars."""
