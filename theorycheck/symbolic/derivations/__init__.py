"""Closed-form gradients and Hessians: `derive(model, loss)` gives a `Derivation`, cross-checked as it is made.

Two routes with the same answer: matrix words for deep linear networks of any depth and widths, and entrywise SymPy for any small map.
"""

from __future__ import annotations

from theorycheck.errors import InvalidArgument
from theorycheck.symbolic.derivations.base import Derivation as Derivation
from theorycheck.symbolic.derivations.base import WrongDerivation as WrongDerivation
from theorycheck.symbolic.derivations.deep_linear import WordDerivation as WordDerivation
from theorycheck.symbolic.derivations.deep_linear import cross_checked as cross_checked
from theorycheck.symbolic.derivations.deep_linear import derive_words as derive_words
from theorycheck.symbolic.derivations.entrywise import EntrywiseDerivation as EntrywiseDerivation
from theorycheck.symbolic.derivations.entrywise import derive_entrywise as derive_entrywise
from theorycheck.symbolic.losses import Loss
from theorycheck.symbolic.parametrizations import DeepLinear, Parametrization


def derive(model: Parametrization, loss: Loss) -> Derivation:
    """Gradient and Hessian of the risk in θ, in closed form.

    Parameters
    ----------
    model : Parametrization
        A deep linear network takes the route of matrix words (any size), every other map the entrywise one (small maps).
    loss : Loss
        The loss of the predictions.

    Raises
    ------
    TooLarge
        If the entrywise route would exceed its budget of parameters.
    InvalidArgument
        If the model has no exact map θ -> w(θ), the loss no exact expression, or one curvature for each of several outputs.

    Examples
    --------
    >>> from theorycheck.symbolic.losses import SquaredLoss
    >>> derivation = derive(DeepLinear(widths=(3, 2, 1)), SquaredLoss())
    >>> print(derivation.gradient[0])
    W_2ᵀ G
    >>> print(derivation.hessian[1][0])
    2 (W_2) ⊗ (W_1 Sigma) + 1 (G) ⊗ (I) K

    """
    if not isinstance(model, Parametrization):
        raise InvalidArgument("model", model, "has no exact map θ -> w(θ)", "pass a parametrization such as DeepLinear or Entrywise")
    if not isinstance(loss, Loss):
        raise InvalidArgument("loss", loss, "has no exact expression in the predictions", "pass SquaredLoss, LogisticLoss or ExponentialLoss")
    return derive_words(model, loss) if isinstance(model, DeepLinear) else derive_entrywise(model, loss)
