r"""How the product of balanced deep linear networks moves (Arora, Cohen & Hazan 2018, arXiv:1802.06509).

That balanced networks stay balanced is in `arora_2018`.

Setting      W_k of shape (d_k, d_{k-1}), W = W_L ... W_1, any loss of W with gradient G = ∇ℓ(W), gradient flow of the layers;
             D_j = W_{j+1}ᵀW_{j+1} - W_jW_jᵀ for j = 1 .. L-1; balanced: D_j = 0 for every j.
Convention   None needed: the statements hold for any loss of the product.
Results      velocity_of_balanced                Ẇ = -Σ_j (WWᵀ)^((L-j)/L) G (WᵀW)^((j-1)/L), with (.)^0 the identity
             singular_velocity_of_balanced       σ̇_r = -L σ_r^(2-2/L) <G, u_r v_rᵀ> (Arora et al. 2019, arXiv:1905.13655)
Not covered  Networks that are not balanced.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

import theorycheck as tc
from theorycheck.instances import FactoredNetwork, factored_networks

paper = tc.Source("Arora, Cohen & Hazan", 2018, arxiv="1802.06509", item="conservation of balancedness")


@dataclass(frozen=True)
class Push:
    """A network by its singular value decompositions, and the gradient G of some loss of the product."""

    network: FactoredNetwork
    G: np.ndarray


@tc.recipe
def pushes(draw):
    """Any factored network and any G."""
    network = draw(factored_networks(outputs=(1, 4)))
    return Push(network, draw(tc.array((network.widths[-1], network.widths[0]))))


# -- hypotheses --

balanced = tc.Premise(
    "balanced", "all gauges are 1", lambda p: bool(np.all(p.network.gauges == 1)), enforce=lambda p: Push(p.network.balanced(), p.G)
)


# -- claims --


def flow_velocity(p: Push) -> np.ndarray:
    """Ẇ = -J Jᵀ G, shape (d_L, d_0)."""
    model, G = p.network.model, p.G if p.network.widths[-1] > 1 else p.G[0]
    velocity = model.kernels.tangent(p.network.theta, -model.kernels.gradient(p.network.theta, G))
    return np.atleast_2d(velocity)


def velocity(p: Push, precision: tc.Precision, identity_at_zero: bool = True, shift: float = 0.0) -> tc.Comparison:
    """Ẇ of the flow against -Σ_j (WWᵀ)^((L-j)/L) G (WᵀW)^((j-1)/L)."""
    n, L = p.network, p.network.depth

    def power(of, j):
        return of(j / L + shift) if j or identity_at_zero else of(1e-300)  # an exponent of nearly 0 gives the range projector

    right = -sum(power(n.left_power, L - j) @ p.G @ power(n.right_power, j - 1) for j in range(1, L + 1))
    return tc.equal("Ẇ = -Σ_j (WWᵀ)^((L-j)/L) G (WᵀW)^((j-1)/L)", flow_velocity(p), right, scale=np.linalg.norm(p.G))


def singular_velocity(p: Push, precision: tc.Precision, factor: float = 1.0, exponent: float = 2.0) -> tc.Comparison:
    """u_rᵀẆv_r = -factor L σ_r^(2-2/L) u_rᵀGv_r."""
    n = p.network
    s = n.singular_values ** (exponent - 2 / n.depth)
    along = np.einsum("ir,ij,jr->r", n.left, p.G, n.right)
    return tc.equal(
        "σ̇_r = -L σ_r^(2-2/L) <G, u_r v_rᵀ>",
        np.einsum("ir,ij,jr->r", n.left, flow_velocity(p), n.right),
        -factor * n.depth * s * along,
        scale=np.linalg.norm(p.G),
    )


# -- the theorems --

velocity_of_balanced = tc.Theorem(
    "velocity_of_balanced", paper, pushes, (balanced,), velocity, r"\dot W = -\sum_j (W W^\top)^{(L-j)/L} \nabla \ell(W) (W^\top W)^{(j-1)/L}"
)
singular_velocity_of_balanced = tc.Theorem(
    "singular_velocity_of_balanced",
    paper,
    pushes,
    (balanced,),
    singular_velocity,
    r"\dot\sigma_r = -L \sigma_r^{2-2/L} \langle \nabla \ell(W), u_r v_r^\top \rangle",
)

THEOREMS = (velocity_of_balanced, singular_velocity_of_balanced)
FALSE = (
    velocity_of_balanced.without(balanced),
    velocity_of_balanced.claiming("range_projector", partial(velocity, identity_at_zero=False)),
    velocity_of_balanced.claiming("exponent_0_01_more", partial(velocity, shift=0.01)),
    singular_velocity_of_balanced.without(balanced),
    singular_velocity_of_balanced.claiming("factor_1_0002", partial(singular_velocity, factor=1.0002)),
    singular_velocity_of_balanced.claiming("exponent_1_less", partial(singular_velocity, exponent=1.0)),
)
