"""Closed-form gradients and Hessians: `derive(model, loss)` gives a `Derivation`, cross-checked as it is made.

Matrix words for deep linear networks of any depth and widths, and entrywise SymPy for any small map, with the same answer where both apply;
two-layer networks with kinks piece by piece; bare losses as they stand.
"""

from __future__ import annotations

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.derivations.bare import BareDerivation as BareDerivation
from theorycheck.symbolic.derivations.bare import BareRisk as BareRisk
from theorycheck.symbolic.derivations.bare import derive_bare as derive_bare
from theorycheck.symbolic.derivations.base import Derivation as Derivation
from theorycheck.symbolic.derivations.base import WrongDerivation as WrongDerivation
from theorycheck.symbolic.derivations.base import require_smooth
from theorycheck.symbolic.derivations.deep_linear import WordDerivation as WordDerivation
from theorycheck.symbolic.derivations.deep_linear import cross_checked as cross_checked
from theorycheck.symbolic.derivations.deep_linear import derive_words as derive_words
from theorycheck.symbolic.derivations.entrywise import BUDGET
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation as EntrywiseDerivation
from theorycheck.symbolic.derivations.entrywise import derive_entrywise as derive_entrywise
from theorycheck.symbolic.derivations.factored import FactoredDerivation as FactoredDerivation
from theorycheck.symbolic.derivations.factored import derive_factored as derive_factored
from theorycheck.symbolic.derivations.pieces import PieceDerivation as PieceDerivation
from theorycheck.symbolic.derivations.pieces import derive_pieces as derive_pieces
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.models import MatrixFactorization, SymmetricFactorization
from theorycheck.symbolic.parametrizations import DeepLinear, Parametrization
from theorycheck.symbolic.predictors import TwoLayerReLU


def derive(model: Parametrization | TwoLayerReLU | BareRisk, loss: Loss | None = None) -> Derivation:
    """Gradient and Hessian of the risk in θ, in closed form.

    Parameters
    ----------
    model : Parametrization, TwoLayerReLU or Landscape
        Deep linear networks, and factorizations too large for entries, take the route of matrix words (any size), every other map the
        entrywise one (small maps).
    loss : Loss
        The loss of the predictions; not for a landscape, which is a loss already.

    Raises
    ------
    TooLarge
        If the entrywise route would exceed its budget of parameters.
    InvalidArgument
        If the model has no exact map θ -> w(θ), the loss no exact expression, a kink, or one curvature for each of several outputs.

    Examples
    --------
    >>> from theorycheck.symbolic.losses import SquaredLoss
    >>> derivation = derive(DeepLinear(widths=(3, 2, 1)), SquaredLoss())
    >>> print(derivation.gradient[0])
    W_2ᵀ G
    >>> print(derivation.hessian[1][0])
    2 (W_2) ⊗ (W_1 Sigma) + 1 (G) ⊗ (I) K

    """
    if not isinstance(model, Parametrization | TwoLayerReLU):
        if not isinstance(model, BareRisk):
            raise InvalidArgument("model", model, "has no exact map θ -> w(θ)", "pass a parametrization such as DeepLinear or Entrywise")
        if loss is not None:
            raise InvalidArgument("loss", loss, "is one too many: a landscape is a loss already", "pass derive(landscape)")
        return derive_bare(model)
    if not isinstance(loss, Loss):
        raise InvalidArgument("loss", loss, "has no exact expression in the predictions", "pass SquaredLoss, LogisticLoss or ExponentialLoss")
    require_smooth(loss)
    if isinstance(model, TwoLayerReLU):
        return derive_pieces(model, loss)
    if isinstance(model, MatrixFactorization | SymmetricFactorization) and model.parameters > BUDGET:
        return derive_factored(model, loss)
    return derive_words(model, loss) if isinstance(model, DeepLinear) else derive_entrywise(model, loss)
