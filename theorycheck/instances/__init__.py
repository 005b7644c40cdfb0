"""Recipes and choices: generators of structured problems that shrink."""

from theorycheck.instances.deep_linear import DeepLinearFit as DeepLinearFit
from theorycheck.instances.deep_linear import deep_linear_fits as deep_linear_fits
from theorycheck.instances.factored import FactoredNetwork as FactoredNetwork
from theorycheck.instances.factored import factored_networks as factored_networks
