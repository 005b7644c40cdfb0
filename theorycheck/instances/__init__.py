"""Recipes and choices: generators of structured problems that shrink."""

from theorycheck.instances.deep_linear import DeepLinearFit as DeepLinearFit
from theorycheck.instances.deep_linear import deep_linear_fits as deep_linear_fits
from theorycheck.instances.factored import FactoredNetwork as FactoredNetwork
from theorycheck.instances.factored import factored_networks as factored_networks
from theorycheck.instances.flat_minima import balanced_sharpness as balanced_sharpness
from theorycheck.instances.flat_minima import flat_bound as flat_bound
from theorycheck.instances.flat_minima import least_sharpness as least_sharpness
from theorycheck.instances.modal import ModalNetwork as ModalNetwork
from theorycheck.instances.modal import modal_networks as modal_networks
from theorycheck.instances.products import above as above
from theorycheck.instances.products import below as below
from theorycheck.instances.products import between as between
from theorycheck.instances.products import kronecker as kronecker
from theorycheck.instances.products import transposed as transposed
from theorycheck.instances.products import unflattened as unflattened
from theorycheck.instances.sensed import SensedNetwork as SensedNetwork
from theorycheck.instances.sensed import sensed_networks as sensed_networks
from theorycheck.instances.targets import ResidualStart as ResidualStart
from theorycheck.instances.targets import TargetedMode as TargetedMode
from theorycheck.instances.targets import residual_starts as residual_starts
from theorycheck.instances.targets import targeted_modes as targeted_modes
from theorycheck.instances.valleys import Bowl as Bowl
from theorycheck.instances.valleys import Valley as Valley
from theorycheck.instances.valleys import bowls as bowls
from theorycheck.instances.valleys import valleys as valleys
