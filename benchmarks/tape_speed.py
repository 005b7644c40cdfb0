"""Speed of tapes beside the hand-written kernels of deep linear networks: ``python benchmarks/tape_speed.py`` writes `results/tape_speed.md`.

Both sides of a row run in turn in one process, so a ratio is from one run; times are CPU times of one thread, medians. A speed of
1.00 is that of the hand-written kernel, of 2.00 twice that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from machine import stamp

from theorycheck.symbolic.kernels.maps import word_maps
from theorycheck.symbolic.kernels.maps.deep_linear import DeepLinearKernels
from theorycheck.symbolic.kernels.maps.embedded import EmbeddedKernels
from theorycheck.symbolic.kernels.maps.entrywise import EntrywiseKernels
from theorycheck.symbolic.kernels.maps.word_maps import deep_linear_words
from theorycheck.symbolic.kernels.networks.descent import RAN, FoldedData
from theorycheck.symbolic.kernels.tapes.kernels import TapeKernels
from theorycheck.symbolic.models import MatrixFactorization, ResidualLinear, SymmetricFactorization
from theorycheck.symbolic.parametrizations import QuadraticForms

RESULTS = Path(__file__).parent / "results" / "tape_speed.md"
SEED, ROUNDS, LEAST, STEPS = 20240513, 7, 0.01, 100
CHAINS = [
    ((4, 4, 4, 1), 256),
    ((4, 4, 4, 1), 1),
    ((5,) * 10 + (1,), 256),
    ((5,) * 10 + (1,), 1),
    ((20,) * 5 + (1,), 64),
    ((20,) * 5 + (1,), 1),
    ((50,) * 10 + (1,), 16),
    ((50,) * 10 + (1,), 1),
    ((6, 6, 6, 3), 256),
    ((3, 6, 6, 6), 256),
    ((20, 20, 20, 20), 1),
]
MODELS: list[MatrixFactorization | SymmetricFactorization | ResidualLinear] = [
    MatrixFactorization(3, 3, 2),
    MatrixFactorization(20, 20, 5),
    SymmetricFactorization(10, 3),
    ResidualLinear(5, 10, (1.0,) * 5),
]


def medians(ours: Callable[[], object], other: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds a call of each, and how much faster the first one is."""
    ours()
    other()
    count = 1
    while seconds(ours, count) < LEAST:
        count *= 2
    pairs = np.array([(seconds(ours, count), seconds(other, count)) for _ in range(ROUNDS)]) / count
    return float(np.median(pairs[:, 0])), float(np.median(pairs[:, 1])), float(np.median(pairs[:, 1] / pairs[:, 0]))


def seconds(work: Callable[[], object], count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - begin


def cell(ours: Callable[[], object], other: Callable[[], object]) -> str:
    a, b, ratio = medians(ours, other)
    return f"{1e6 * a:.1f} / {1e6 * b:.1f} = **{ratio:.2f}**"


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield from (f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def chain_row(widths: tuple[int, ...], lanes: int) -> list[str]:
    hand = DeepLinearKernels(widths)
    tape, rng, P = TapeKernels(deep_linear_words(widths), hand.shape), np.random.default_rng(SEED), hand.parameters
    theta, v = rng.normal(size=(2, lanes, P)) / np.sqrt(max(widths))
    G, root = rng.normal(size=(lanes, *hand.shape)), rng.normal(size=(lanes, widths[0], widths[0]))
    K = root @ np.swapaxes(root, 1, 2) / widths[0]
    steps, S, C, none = max(2, int(5e6 / P / lanes)), 1e-3 * K, 1e-4 * G, np.zeros(0)
    data, counts, never = FoldedData(S.reshape(lanes, -1), C.reshape(lanes, -1)), np.full(lanes, steps), np.full(lanes, -1.0)
    start = 0.5 * theta
    assert np.all(hand.descend(start, data, counts, never, none)[2] == RAN)
    np.testing.assert_allclose(tape.steps(start, C, S, steps), hand.descend(start, data, counts, never, none)[0], rtol=1e-6, atol=1e-9)
    return [
        f"{widths}" if len(widths) < 6 else f"depth {len(widths) - 1}, width {widths[0]}",
        str(lanes),
        cell(lambda: tape.gradient(theta, G), lambda: hand.gradient(theta, G)),
        cell(lambda: tape.steps(start, C, S, steps), lambda: hand.descend(start, data, counts, never, none)),
        cell(lambda: tape.hvp(theta, G, K, v), lambda: hand.hvp(theta, G, K, v)),
        cell(lambda: tape.w(theta), lambda: hand.w(theta)),
    ]


def model_row(model: MatrixFactorization | SymmetricFactorization | ResidualLinear, lanes: int) -> list[str]:
    """The tape beside the route it replaced: a deep linear network with embedded parameters."""
    kernels, rng = model.kernels, np.random.default_rng(SEED)
    assert isinstance(kernels, EmbeddedKernels)
    network, wide = kernels.network, lambda x, base: kernels._embedded(x, base)
    theta, v = rng.normal(size=(2, lanes, model.parameters))
    G, K, nothing = rng.normal(size=(lanes, *model.shape)), np.eye(model.shape[-1]), np.zeros_like(kernels.base)

    def gradient() -> np.ndarray:
        return kernels._gathered(network.gradient(wide(theta, kernels.base), kernels._slope(G)))

    def hvp() -> np.ndarray:
        return kernels._gathered(network.hvp(wide(theta, kernels.base), kernels._slope(G), K, wide(v, nothing)))

    start, S, C = 0.1 * theta, 1e-2 * K, 1e-3 * G

    def loop() -> np.ndarray:
        state = start
        for _ in range(STEPS):
            state = state - kernels.gradient(state, kernels.w(state) @ S - C)
        return state

    np.testing.assert_allclose(kernels.hvp(theta, G, K, v), hvp(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(kernels.tape.steps(start, C, S, STEPS), loop(), rtol=1e-9, atol=1e-9)
    name = f"{type(model).__name__}, {model.parameters} parameters"
    pairs = [(lambda: kernels.gradient(theta, G), gradient), (lambda: kernels.hvp(theta, G, K, v), hvp)]
    return [name, str(lanes), *(cell(*pair) for pair in pairs), cell(lambda: kernels.tape.steps(start, C, S, STEPS), loop)]


def first_use(make: Callable[[int], object]) -> float:
    """Milliseconds to the first gradient, the median over fresh values."""
    times = []
    for number in range(1, 8):
        begin = time.process_time()
        make(number)
        times.append(1e3 * (time.process_time() - begin))
    return float(np.median(times))


def lowering(depth: int, width: int) -> float:
    def make(number: int) -> None:
        word_maps._chain.cache_clear()  # so that the words are derived anew; the widths are new
        source = deep_linear_words((width + number,) * depth + (1,))
        kernels = TapeKernels(source, (width + number,))
        assert all(playable.tape.instructions for playable in (kernels._gradient, kernels._hvp, kernels._descent))

    return first_use(make)


def forms(kind: Callable[[QuadraticForms], object]) -> float:
    rng = np.random.default_rng(SEED)

    def make(number: int) -> None:
        half = rng.normal(size=(4, 6, 6))
        kernels = kind(QuadraticForms(half + np.swapaxes(half, 1, 2)))
        kernels.hvp(np.ones(6), np.ones(4), np.eye(4), np.ones(6))  # type: ignore[attr-defined]

    return first_use(make)


def report() -> Iterator[str]:
    yield "# Speed of tapes\n"
    yield "Written by `benchmarks/tape_speed.py`.\n"
    yield f"```\n{stamp()}; one thread\n```\n"
    yield f"```\n{__doc__.split(chr(10), 2)[2].strip()}\n```\n"
    yield "Deep linear networks, μs a call of the tape / of the hand-written kernel = speed of the tape:\n"
    yield from table(["widths", "instances", "gradient", "run of gradient descent", "Hessian-vector product", "w"], [chain_row(*c) for c in CHAINS])
    yield "\nOther models, μs a call of the tape / of the embedding into a deep linear network that it replaced = speed of the tape:\n"
    rows = [model_row(model, lanes) for model in MODELS for lanes in (256, 1)]
    yield from table(["model", "instances", "gradient", "Hessian-vector product", f"{STEPS} steps of descent in one call / one by one"], rows)
    yield "\nWhat a new shape or a new set of matrices costs, ms:\n"
    costs = [
        [f"depth {L}, width {d}: words, gradient, Hessian-vector product and descent tapes", f"{lowering(L, d):.1f}"] for L, d in ((10, 50), (20, 5))
    ]
    costs.append(["four quadratic forms in six parameters, first Hessian-vector product", f"{forms(lambda model: model.kernels):.2f}"])
    entrywise = forms(lambda model: EntrywiseKernels(model.symbols, model.expressions, model.shape))
    costs.append(["the same, compiled entry by entry (the former route)", f"{entrywise:.0f}"])
    yield from table(["", "ms"], costs)


def main() -> None:
    text = "\n".join(report()) + "\n"
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
