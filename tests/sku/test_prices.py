"""Price files: replaced whole, or refused whole with every problem by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packager.errors import RecipeError
from packager.sku.catalogue import Catalogue, azure
from packager.sku.prices import with_prices


def read(folder: Path, text: str, name: str = "prices.csv") -> Catalogue:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return with_prices(azure(), path)


def refused(folder: Path, text: str, name: str = "prices.csv") -> str:
    with pytest.raises(RecipeError) as caught:
        read(folder, text, name)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(str(folder), "")


def test_a_csv_says_which_types_there_are_and_what_they_cost(tmp_path: Path) -> None:
    found = read(tmp_path, "\ufeffinstance_type,usd_per_hour\nstandard_f4s_v2,0.2\n\nStandard_DS2_v2,0.1\n")
    assert [(one.name, one.usd_per_hour, one.vcpus) for one in found.types] == [
        ("Standard_F4s_v2", 0.2, 4),
        ("Standard_DS2_v2", 0.1, 2),
    ]
    assert found.prices.price == "prices of prices.csv"
    assert found.prices.recorded_on == "a day that the file does not tell"


def test_a_type_that_the_catalogue_lacks_comes_with_its_size(tmp_path: Path) -> None:
    text = "instance_type,usd_per_hour,vcpus,memory_gib,recorded_on\nStandard_D4ads_v6,0.21,4,16,2027-01-02\n"
    found = read(tmp_path, text)
    assert (found.types[0].vcpus, found.types[0].memory_gib, found.types[0].temp_disk_gib) == (4, 16, None)
    assert found.prices.recorded_on == "2027-01-02"


@pytest.mark.parametrize("name", ["prices.yml", "prices.json"])
def test_yaml_and_json_hold_the_same(tmp_path: Path, name: str) -> None:
    document = {
        "recorded_on": "2027-01-02",
        "region": "West Europe",
        "instance_types": [{"instance_type": "Standard_F4s_v2", "usd_per_hour": 0.2}],
    }
    found = read(tmp_path, json.dumps(document, indent=2), name)
    assert (found.types[0].name, found.types[0].usd_per_hour) == ("Standard_F4s_v2", 0.2)
    assert (found.prices.recorded_on, found.prices.region) == ("2027-01-02", "West Europe")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("Standard_F4s_v2,", "/prices.csv:2 usd_per_hour: usd_per_hour is missing for Standard_F4s_v2"),
        (",0.2", "/prices.csv:2 instance_type: instance_type is missing"),
        ("Standard_F4s_v2,-0.2", "/prices.csv:2 usd_per_hour: expected more than 0 in usd_per_hour, found -0.2"),
        ("Standard_F4s_v2,0", "/prices.csv:2 usd_per_hour: expected more than 0 in usd_per_hour, found 0"),
        ("Standard_F4s_v2,cheap", "/prices.csv:2 usd_per_hour: expected a number in usd_per_hour, found cheap"),
        ("Standard_F4s_v2,1e308", "usd_per_hour: expected 1e-06 to 100000 in usd_per_hour, found 1e+308"),
        ("Standard_F4s_v2,1e-320", "usd_per_hour: expected 1e-06 to 100000 in usd_per_hour, found 1e-320"),
        ("Standard_F4s_v2,nan", "/prices.csv:2 usd_per_hour: expected a number in usd_per_hour, found nan"),
        ("Standard_F4s_v2,0.2,9", "/prices.csv:2 3 cells under 2 columns"),
        (
            "Standard_F4s_v2,0.2\nStandard_D2as_v4,0.1\nSTANDARD_F4S_V2,0.3",
            "/prices.csv:4 instance_type: Standard_F4s_v2 stands here twice, first on line 2",
        ),
        (
            "Standard_F4s_v3,0.2",
            "Standard_F4s_v3 is not in the catalogue; did you mean Standard_F4s_v2?; give its vcpus and memory_gib",
        ),
        ('"Standard_F4s_v2,0.2', "/prices.csv:2: not valid CSV"),
    ],
)
def test_a_hole_is_named_with_its_line(tmp_path: Path, row: str, told: str) -> None:
    assert told in refused(tmp_path, f"instance_type,usd_per_hour\n{row}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "/prices.csv:1 the column instance_type is missing"),
        ("instance_type,usd_per_hour\n", "/prices.csv:1 holds no instance type"),
        ("instance_type,price\nStandard_F4s_v2,0.2\n", "/prices.csv:1 unknown column price; expected one of"),
        ("instance_type,usd_per_hours\n", "/prices.csv:1 unknown column usd_per_hours; did you mean usd_per_hour?"),
        ("instance_type,usd_per_hour,usd_per_hour\n", "the column usd_per_hour stands here twice"),
    ],
)
def test_a_header_with_a_hole_is_named(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(tmp_path, text)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, "instance_type,usd_per_hour\nStandard_F4s_v2,\nStandard_F2s_v2,-1\n")
    assert "has 2 problems" in said
    assert "prices.csv:2 " in said
    assert "prices.csv:3 " in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("instance_types:\n  - {instance_type: A, usd_per_hour: x}\n", "prices.yml:2 instance_types[0].usd_per_hour"),
        ("instance_types:\n  - {instance_type: A, usd: 1}\n", "prices.yml:2 instance_types[0].usd: unknown column usd"),
        ("instance_types:\n  - Standard_F4s_v2\n", "prices.yml:2 instance_types[0]: expected keys such as"),
        ("instance_types: {}\n", "prices.yml:1 instance_types: expected a list"),
        ("types: []\n", "prices.yml:1 types: unknown column types"),
        ("- a\n", "expected keys such as instance_types and recorded_on, found a list"),
        ("instance_types: [\n", "not valid YAML"),
        ("currency: EUR\ninstance_types: []\n", "prices.yml:1 currency: expected prices in USD, as usd_per_hour says"),
        (
            f"instance_types:\n  - {{instance_type: Standard_F4s_v2, usd_per_hour: {'9' * 60}}}\n",
            "expected 1e-06 to 100000 in usd_per_hour",
        ),
        (
            "instance_types:\n  - {instance_type: A, usd_per_hour: 1, vcpus: 1e9, memory_gib: 4}\n",
            "expected 1e-06 to 4096 in vcpus",
        ),
        ("recorded_on: 3\ninstance_types: []\n", "prices.yml:1 recorded_on: expected text; put it in quotes"),
    ],
)
def test_a_document_with_a_hole_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    assert told in refused(tmp_path, text, "prices.yml")


def test_a_file_that_cannot_be_read_is_said_to_be_the_price_file(tmp_path: Path) -> None:
    for name in ("none.csv", "none.yml"):
        with pytest.raises(RecipeError, match="cannot read the price file"):
            with_prices(azure(), tmp_path / name)
    (tmp_path / "raw.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="is no price file: it is not UTF-8 text"):
        with_prices(azure(), tmp_path / "raw.csv")
