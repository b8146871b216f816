"""Other processors than the measured one: said, and the interval widened; never pretended."""

from __future__ import annotations

import pytest

from packager.benchmark_result import MeasuredBundle
from packager.sku import processors
from packager.sku.catalogue import azure
from packager.sku.processors import CoreRatio, core_ratio

from .samples import machine


def ratio(
    instance_type: str,
    processor: str = "Some Processor",
    named: str | None = None,
    *,
    variant: str = "fp64",
    form: str | None = None,
) -> CoreRatio:
    instance = azure().find(instance_type)
    assert instance is not None
    bundle = MeasuredBundle(name="a", version="1", digest="0" * 64, size_bytes=1, variant=variant, form=form)
    return core_ratio(machine(processor, instance_type=named), instance, azure(), bundle=bundle)


def test_the_type_itself_is_as_fast_as_it_was_measured() -> None:
    found = ratio("Standard_F4s_v2", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "standard_f4S_v2")
    assert (found.low, found.high, found.same_type, found.why) == (1, 1, True, None)


def test_a_type_of_the_measured_series_is_too_where_the_series_has_one_processor() -> None:
    found = ratio("Standard_D8a_v4", "x", "Standard_D4a_v4")
    assert (found.width, found.same_type) == (1, False)
    assert "measured on Standard_D4a_v4" in str(found.why)


def test_a_series_of_several_processors_is_as_wide_whether_its_type_or_its_processor_was_measured() -> None:
    by_type = ratio("Standard_DS2_v2", "x", "Standard_DS3_v2")
    by_name = ratio("Standard_DS2_v2", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz")
    assert (by_type.low, by_type.high) == (by_name.low, by_name.high) == (210 / 250, 250 / 210)
    assert "measured on Standard_DS3_v2" in str(by_type.why)


def test_the_same_processor_narrows_to_what_the_series_is_wide() -> None:
    one = ratio("Standard_D4as_v4", "AMD EPYC 7452 32-Core Processor")
    assert one.width == 1
    several = ratio("Standard_F4s_v2", "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz")
    assert (several.low, several.high) == (195 / 210, 210 / 195)
    assert "195-210 ACU" in str(several.why)


def test_another_rated_type_is_compared_by_azure_s_rating() -> None:
    found = ratio("Standard_E4s_v3", "x", "Standard_FX4mds")
    assert (found.low, found.high) == (160 / 340, 190 / 310)
    assert found.high < 1


def test_an_unrated_processor_may_be_as_far_away_as_the_catalogue_is_wide() -> None:
    found = ratio("Standard_F4s_v2")
    assert (found.low, found.high) == (160 / 340, 340 / 160)
    assert "which Azure does not rate" in str(found.why)


def test_instructions_that_are_not_promised_are_named() -> None:
    assert "avx512f, avx512_vnni of the measured processor are not promised" in str(ratio("Standard_D4as_v4").why)


def test_binned_trees_may_lose_what_narrower_vectors_cost() -> None:
    """The machine of the samples has AVX-512; of these series one promises it, the other AVX2 alone."""
    for promised, share in (("Standard_F4s_v2", 1.0), ("Standard_D4as_v4", 1 / 3)):
        fp64, binned = (ratio(promised, variant=variant) for variant in ("fp64", "binned"))
        assert (binned.low, binned.high) == (fp64.low * share, fp64.high)
        assert ("3 times as long" in str(binned.why)) == (share < 1)


@pytest.mark.parametrize(
    ("form", "instance_type", "share"),
    [
        ("binned avx512", "Standard_F4s_v2", 1.0),
        ("binned avx512", "Standard_D4as_v4", 1 / 3),
        ("binned avx2", "Standard_D4as_v4", 1.0),
        ("binned plain", "Standard_D4as_v4", 1.0),
        ("binned something new", "Standard_D4as_v4", 1 / 3),
    ],
)
def test_binned_trees_are_rated_by_the_instructions_that_scored_them(
    form: str, instance_type: str, share: float
) -> None:
    """Not by those of the machine: the one of the samples has AVX-512 whatever it was told to use."""
    fp64, binned = ratio(instance_type), ratio(instance_type, variant="binned", form=form)
    assert (binned.low, binned.high) == (fp64.low * share, fp64.high)


def test_what_the_onnx_form_answered_is_not_rated_as_binned() -> None:
    assert ratio("Standard_D4as_v4", variant="fp64", form="onnx; platform") == ratio("Standard_D4as_v4")


@pytest.mark.parametrize(("avx512_us", "avx2_us", "plain_us"), [(0.46, 1.09, 1.3), (2.35, 5.9, 6.5), (2.6, 5.2, 6.2)])
def test_the_bounds_lie_below_what_was_measured(avx512_us: float, avx2_us: float, plain_us: float) -> None:
    """Microseconds a row, of three models in calls of 1,000 rows."""
    speeds = processors._BINNED_SPEEDS
    assert speeds["avx2"] / speeds["avx512"] < 0.9 * avx512_us / avx2_us
    assert speeds["plain"] / speeds["avx512"] < 0.9 * avx512_us / plain_us
    assert speeds["plain"] / speeds["avx2"] < 0.9 * avx2_us / plain_us


def test_on_the_very_type_binned_trees_are_as_fast_as_measured() -> None:
    assert ratio("Standard_D4as_v4", "x", "Standard_D4as_v4", variant="binned").width == 1
