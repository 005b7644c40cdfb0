"""Named forms of matrix words: they unfold to the derived words, and how they are printed."""

import pytest
import sympy as sp

from tests.symbolic.word_chains import A, B, derived, m, n
from theorycheck.symbolic.matrix_words import Chain, MapDerivatives, NamedForms, WordSum, latex, matrix_of, numpy_source, substitute, zero


class WithoutG(MapDerivatives):
    """Planted: the Hessian-vector product keeps its Gauss-Newton term only."""

    @property
    def hvp(self) -> tuple[WordSum, ...]:
        return tuple(substitute(row, {self.gradient_in_w: zero(*self.gradient_in_w.shape)}) for row in super().hvp)


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_general_forms_unfold_to_the_derived_words(depth: int) -> None:
    chain = Chain(depth)
    assert chain.named_forms_hold(derived(depth, 2))
    assert not chain.named_forms_hold(MapDerivatives(2 * chain.w, chain.layers, sp.Integer(2)))
    assert not chain.named_forms_hold(WithoutG(chain.w, chain.layers, sp.Integer(2))) or depth == 1


def test_printed_forms() -> None:
    forms = NamedForms(sp.Integer(2))
    lower = forms.block("k", "j", 1)
    first = r"2\,(A_{k}^{\top} A_{j}) \otimes (B_{k} \Sigma B_{j}^{\top})"
    assert latex(lower) == first + r" + \left((A_{k}^{\top} G B_{j}^{\top}) \otimes M_{kj}\right) K_{j}"
    source = "2.0 * np.kron(A[k].T @ A[j], B[k] @ Sigma @ B[j].T) + commuted(np.kron(A[k].T @ G @ B[j].T, M[k, j]), V[j].shape)"
    assert numpy_source(lower) == source
    assert latex(-A + zero(n, m)) == "-A"
    assert latex(zero(n, m)) == "0"
    assert str(matrix_of(A @ B, B)) == "1 (A) ⊗ (I)"
