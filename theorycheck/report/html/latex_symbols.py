"""What commands of LaTeX stand for, as tables: to have one more set, give it an entry."""

from __future__ import annotations

from collections.abc import Mapping


def _pairs(text: str) -> Mapping[str, str]:
    """Names and what they stand for, pair by pair."""
    return dict(pair.split() for pair in text.split(","))


GREEK = _pairs(
    "alpha α, beta β, gamma γ, delta δ, epsilon ϵ, varepsilon ε, zeta ζ, eta η, theta θ, vartheta ϑ, iota ι, kappa κ, lambda λ, mu μ, nu ν, xi ξ,"
    "pi π, rho ρ, sigma σ, tau τ, upsilon υ, phi ϕ, varphi φ, chi χ, psi ψ, omega ω, ell ℓ"
)
CAPITALS = _pairs("Gamma Γ, Delta Δ, Theta Θ, Lambda Λ, Xi Ξ, Pi Π, Sigma Σ, Upsilon Υ, Phi Φ, Psi Ψ, Omega Ω")
OPERATORS = _pairs(
    "le ≤, leq ≤, ge ≥, geq ≥, ne ≠, neq ≠, to →, in ∈, notin ∉, cdot ·, times ×, otimes ⊗, odot ⊙, oplus ⊕, nabla ∇, partial ∂, sim ∼, approx ≈,"
    "equiv ≡, simeq ≃, setminus ∖, subset ⊂, subseteq ⊆, cap ∩, cup ∪, perp ⊥, parallel ∥, pm ±, mp ∓, ll ≪, gg ≫, propto ∝, mapsto ↦, implies ⟹,"
    "iff ⟺, Rightarrow ⇒, Leftrightarrow ⇔, rightarrow →, forall ∀, exists ∃, cdots ⋯, dots …, ldots …, vdots ⋮, succeq ⪰, preceq ⪯, mid ∣, colon :,"
    "circ ∘, wedge ∧, vee ∨, star ⋆, ast ∗"
)
IDENTIFIERS = _pairs("infty ∞, top ⊤, emptyset ∅, hbar ℏ, Re ℜ, Im ℑ, prime ′")
FENCES = _pairs(
    "langle ⟨, rangle ⟩, lVert ‖, rVert ‖, lvert |, rvert |, Vert ‖, lceil ⌈, rceil ⌉, lfloor ⌊, rfloor ⌋, { {, } }, | ‖",
)
LARGE = _pairs("sum ∑, prod ∏, int ∫, bigcup ⋃, bigcap ⋂")
ACCENTS = _pairs("dot ˙, ddot ¨, hat ^, widehat ^, tilde ~, widetilde ~, bar ¯, overline ¯, vec →")
DOUBLE = _pairs("E 𝔼, R ℝ, N ℕ, Z ℤ, C ℂ, P ℙ, Q ℚ")
SCRIPT = _pairs("L ℒ, H ℋ, N 𝒩, O 𝒪, M ℳ, D 𝒟, F ℱ, C 𝒞, R ℛ, S 𝒮, W 𝒲, X 𝒳, T 𝒯")

LIMITS = frozenset({"min", "max", "lim", "sup", "inf", "argmin", "argmax", "limsup", "liminf"})
FUNCTIONS = LIMITS | {"log", "ln", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det", "arg", "ker", "dim", "deg", "Pr"}
WRITTEN = {"argmin": "arg min", "argmax": "arg max", "limsup": "lim sup", "liminf": "lim inf"}
SPACES = {",": 0.17, ":": 0.22, ";": 0.28, "!": -0.17, " ": 0.33, "quad": 1.0, "qquad": 2.0}
IGNORED = frozenset({"textstyle", "displaystyle", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "limits", "nolimits"})
