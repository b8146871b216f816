"""The stage: the precisions that the recipe asks for, the baseline first, each an outcome with a reason."""

from __future__ import annotations

from pathlib import Path

from packager.artifact import Precision, Signature, Variant
from packager.errors import OptimizeError
from packager.optimize import binned, fp16, int8
from packager.optimize.passes import Pass, run_pass
from packager.recipe.model import Recipe

PASSES: dict[Precision, Pass] = {"fp16": fp16, "int8": int8}


def optimize(fp64: Variant, fp32: Variant, *, signature: Signature, recipe: Recipe, folder: Path) -> list[Variant]:
    """Return the baseline, fp64 if it is there, and every precision asked for, in the recipe's order."""
    forms: dict[Precision, Variant] = {"fp64": fp64, "fp32": fp32}
    baseline = fp64 if fp64.status == "ok" else fp32
    variants = [baseline]
    for precision in recipe.optimize.precisions:
        if precision == baseline.precision:
            continue
        if precision == binned.PRECISION:
            variants.append(binned.bin_trees(fp64, signature, folder))
        elif precision in forms:
            variants.append(forms[precision])
        else:
            variants.append(_reduced(precision, fp32, signature, folder))
    idle = [variant for variant in variants if variant.status == "no_op"]
    if idle and recipe.optimize.on_no_op == "fail":
        raise OptimizeError(
            f"the variant {idle[0].name} does nothing for this model: {idle[0].reason}",
            key=recipe.where("optimize.on_no_op"),
            hint=f"leave {idle[0].name} out of optimize.precisions",
        )
    return variants


def _reduced(precision: Precision, fp32: Variant, signature: Signature, folder: Path) -> Variant:
    if fp32.path is None:
        reason = f"it starts from the fp32 form, which is missing: {fp32.reason}"
        return Variant(precision, precision, "not_applicable", reason)
    return run_pass(PASSES[precision], fp32.path, signature, folder)
