"""Writes the generated pages beside this file: ``make pages``.

findings.md is what checking found; library.md is every file of theorems with premises, falsehoods and identities; items.md is every item
of the project's catalogue with the theorems that state it.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from theorycheck.library import Paper, papers
from theorycheck.report.findings import findings_page, source_of

HERE = Path(__file__).parent
ITEMS = {  # of the catalogue, with the addresses that state them
    "hessian-dln/blocks": ("deep_linear_hessian/*", "deep_linear_hessian_spectrum/*"),
    "marion-chizat-2024/theorem-1": ("marion_chizat_2024/*", "marion_chizat_2024_balanced/*"),
    "marion-chizat-2024/proposition-unbounded": ("marion_chizat_2024_sharp/*",),
    "marion-chizat-2024/theorem-2": ("marion_chizat_2024_small_start*/*",),
    "marion-chizat-2024/theorem-3": ("marion_chizat_2024_residual*/*",),
    "marion-chizat-2024/step-size": ("marion_chizat_2024_step/*",),
    "elkabetz-cohen-2021/theorem-gf-vs-gd": ("elkabetz_cohen_2021/*",),
    "elkabetz-cohen-2021/lemma-curvature": ("elkabetz_cohen_2021_curvature/*",),
    "elkabetz-cohen-2021/gf-and-gd-convergence": ("elkabetz_cohen_2021_balanced/*", "elkabetz_cohen_2021_convergence/*"),
    "mulayoff-michaeli-2020/minimal-sharpness": ("mulayoff_michaeli_2020/*",),
    "mulayoff-michaeli-2020/coupling-and-gain": ("mulayoff_michaeli_2020_coupling/*",),
    "mulayoff-michaeli-2020/resnet-zero-init": ("mulayoff_michaeli_2020_flow/*",),
    "gatmiry-2023/ideal-trace": ("gatmiry_2023/sum_of_norms_*", "gatmiry_2023/trace_eq"),
    "gatmiry-2023/theorem-rip": ("gatmiry_2023/trace_between_of_isometry", "gatmiry_2023_two_layers/*"),
    "li-luo-lyu-2020/counterexample": ("li_luo_lyu_2020/*",),
    "li-luo-lyu-2020/theorem-glrl-depth2": ("li_luo_lyu_2020_rates/*",),
    "li-luo-lyu-2020/depth-helps": ("li_luo_lyu_2020_depth/*",),
    "moroshko-2020/mirror-identity": ("moroshko_2020/w_eq_*", "moroshko_2020/path_*", "moroshko_2020_shape/*"),
    "moroshko-2020/theorem-intermediate": ("moroshko_2020/dual_*", "moroshko_2020/margin_*"),
    "timor-2022/theorem-depth-low-rank": ("timor_2022/*",),
    "timor-2022/negative-two-points": ("timor_2022_two_points/*",),
    "arora-2018/conservation": ("arora_2018/*", "du_2018*/*"),
    "arora-2018/end-to-end": ("arora_2018_velocity/*",),
    "saxe-2014/exact-modes": ("saxe_2014*/*",),
    "li-wang-lee-arora-2022/commuting-implies-mirror-flow": ("li_wang_lee_arora_2022/flow_*", "li_wang_lee_arora_2022/order_*"),
    "li-wang-lee-arora-2022/closed-form-potentials": ("li_wang_lee_arora_2022/mirror_map_*", "li_wang_lee_arora_2022/conjugate_*"),
    "li-wang-lee-arora-2022/bregman-projection": ("li_wang_lee_arora_2022_limits/*",),
    "li-wang-lee-arora-2022/necessary-condition-and-converse": ("li_wang_lee_arora_2022_brackets/*", "li_wang_lee_arora_2022_converse/*"),
    "li-wang-arora-2021/derivatives-of-limit-map": ("li_wang_arora_2021_limit_map/*",),
    "li-wang-arora-2021/katzenberger-drift": ("li_wang_arora_2021/*",),
    "li-wang-arora-2021/diagonal-linear-label-noise": ("li_wang_arora_2021_label_noise/*", "li_wang_arora_2021_recovery/*"),
    "damian-ma-lee-2021/explicit-regulariser": ("damian_ma_lee_2021/*", "damian_ma_lee_2021_covariance/*"),
    "arora-li-panigrahi-2022/quadratic-alignment": ("arora_li_panigrahi_2022_quadratics/*",),
    "arora-li-panigrahi-2022/ngd-flow": (
        "arora_li_panigrahi_2022/*normalized",
        "arora_li_panigrahi_2022/*_top",
        "arora_li_panigrahi_2022/*_perturbed",
        "arora_li_panigrahi_2022_edge/*normalized",
        "arora_li_panigrahi_2022_edge/edge_*",
    ),
    "arora-li-panigrahi-2022/sqrt-loss-flow": (
        "arora_li_panigrahi_2022/*root",
        "arora_li_panigrahi_2022_edge/*_root",
        "arora_li_panigrahi_2022_edge/stableness_*",
    ),
    "wen-ma-li-2022/explicit-biases": ("wen_ma_li_2022/bias*",),
    "wen-ma-li-2022/quadratic-sam-alignment": ("wen_ma_li_2022/alignment_*",),
    "wen-ma-li-2022/full-batch-sam-flow": ("wen_ma_li_2022_flows/*_of_sam", "wen_ma_li_2022_finite_step/*"),
    "wen-ma-li-2022/one-sam-flow": ("wen_ma_li_2022_flows/*one_sam",),
    "lyu-li-arora-2022/scale-invariant-identities": ("lyu_li_arora_2022_scale_invariance/*",),
    "lyu-li-arora-2022/sharpness-reduction-flow": ("lyu_li_arora_2022/*",),
    "wu-2019/wn-invariants-and-limit": ("wu_2019/*", "wu_2019_bregman/*"),
    "woodworth-2020/Q-alpha": ("woodworth_2020/*",),
    "woodworth-2020/thresholds-and-rates": ("woodworth_2020_regimes/*",),
    "haochen-2020/label-noise-quadratic-model": ("haochen_2020/*",),
    "lyu-li-2019/smoothed-margin-monotone": ("lyu_li_2019/*",),
    "kelner-2021/bsls-two-and-m-scales": ("kelner_2021/*",),
    "quadratic-models/rates": ("quadratic_models/*_ge", "quadratic_models/descent_*", "quadratic_models/roots_*", "quadratic_models/nesterov_*"),
    "quadratic-models/sgd-noise-floor": ("quadratic_models/noise_*",),
    "slimmable-2022/theorem-shared-linear": ("slimmable_2022/*",),
}
CATALOGUE = """# The catalogue, ticked

Every item of the project's catalogue of deep linear networks, flat minima, mirror flow, the edge of stability, sharpness-aware descent,
normalisation and label noise, and those on margins, quadratics, several scales and shared layers that are stated so far: the theorems that
state it, the falsehoods planted against it (`make check` refutes all of them), the premises
that can be dropped (what dropping each does: [ablations.md](ablations.md)), and the identities and chains proved. Made by `make pages`.
"""
LIBRARY = """# The library

Every paper, item by item: the theorems that state it, the premises that can be dropped (`theorycheck ablate`), the falsehoods planted against
it, and the identities and chains that algebra settles. This page is made by `make pages`.
"""


def library_page(shelf: tuple[Paper, ...]) -> str:
    """One table a paper, one row a theorem, under its item."""
    return "\n".join(_lines(shelf)) + "\n"


def _lines(shelf: tuple[Paper, ...]) -> Iterator[str]:
    yield LIBRARY
    for paper in shelf:
        yield f"## {source_of(paper)} (`{paper.name}`)\n"
        yield "| item | theorem | premises | falsehoods | identities |\n|---|---|---|---:|---:|"
        before = None
        for theorem in paper.theorems:
            item = theorem.source.item or ""
            premises = ", ".join(p.name for p in theorem.premises)
            counts = f"{len(paper.planted_on(theorem))} | {len(theorem.identities)}"
            yield f"| {item if item != before else ''} | `{theorem.name}` | {premises} | {counts} |"
            before = item
        yield ""
    count = f"{sum(len(p.theorems) for p in shelf)} theorems, {sum(len(p.false) for p in shelf)} planted falsehoods"
    yield f"{count} and {sum(len(p.findings) for p in shelf)} findings in {len(shelf)} files."


def items_page(shelf: tuple[Paper, ...]) -> str:
    """One row an item of the catalogue; every theorem of the library belongs to at least one."""
    lines = [CATALOGUE, "| item | theorems | falsehoods | premises | identities |\n|---|---|---:|---:|---:|"]
    left = {f"{paper.name}/{theorem.name}" for paper in shelf for theorem in paper.theorems}
    for item, patterns in ITEMS.items():
        stating = {
            f"{file.name}/{theorem.name}": (len(file.planted_on(theorem)), len(theorem.premises), len(theorem.identities))
            for file in shelf
            for theorem in file.theorems
            if any(fnmatchcase(f"{file.name}/{theorem.name}", pattern) for pattern in patterns)
        }
        if not stating:
            raise LookupError(f"no theorem states {item}")
        left -= set(stating)
        falsehoods, premises, identities = map(sum, zip(*stating.values(), strict=True))
        files: dict[str, list[str]] = {}
        for paper, _, name in (address.partition("/") for address in stating):
            files.setdefault(paper, []).append(name)
        told = "; ".join(f"`{paper}`: {', '.join(names)}" for paper, names in files.items())
        lines.append(f"| {item} | {told} | {falsehoods} | {premises} | {identities} |")
    if left:
        raise LookupError(f"of no item: {', '.join(sorted(left))}")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Every generated page."""
    shelf = papers()
    return {HERE / "findings.md": findings_page(shelf), HERE / "library.md": library_page(shelf), HERE / "items.md": items_page(shelf)}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
