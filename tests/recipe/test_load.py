"""What a recipe's author meets: good recipes load, mistakes are told all at once, with their place, and no secrets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from packager.artifact import Precision
from packager.errors import RecipeError
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe
from packager.recipe.reference import EXAMPLE

GOLDEN = Path(__file__).parent / "golden"
LEAST = "recipe_version: 1\nname: fraud\nsource: {uri: model.joblib}\n"
# A bundle that serves nothing slower, and targets that decide by their speed.
REQUIRED = "bundle: {fast_path: require}\n"
TARGET_A, TARGET_B = "{name: a, provider: cpu}", "{name: b, provider: openvino}"


def write(folder: Path, more: str = "", *, least: str = LEAST) -> Path:
    path = folder / "recipe.yml"
    path.write_text(least + more, encoding="utf-8")
    return path


def problems_of(path: Path, **environ: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, environ=environ)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_least_recipe_has_every_default(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path), environ={})
    assert recipe.version is None
    assert recipe.data.verification is None
    assert recipe.optimize.precisions == ("fp64", "fp32", "fp16", "int8", "binned")
    assert [(target.name, target.provider, target.threads) for target in recipe.benchmark.targets] == [
        ("cpu-1", "cpu", 1)
    ]
    assert recipe.benchmark.batch_sizes == (1, 100, 1000)
    assert recipe.select.objective == "fidelity"
    assert recipe.publish == ()
    assert recipe.path == tmp_path / "recipe.yml"
    assert recipe.resolve("data/*.parquet") == tmp_path / "data" / "*.parquet"
    assert recipe.resolve("/data/x.csv") == Path("/data/x.csv")


def test_the_example_of_the_reference_loads(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, EXAMPLE, least=""), environ={})
    assert recipe.version == "3"
    assert recipe.bundle.deploy.instance_count == 2
    assert recipe.verify.drift is not None
    assert recipe.verify.drift.metric == "roc_auc"


def test_a_recipe_is_frozen(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path), environ={})
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"


def test_many_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    text = problems_of(Path("mistakes.yml")) + "\n"
    golden = GOLDEN / "mistakes.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert len(text) < 4000


def test_a_message_stays_under_four_kilobytes(tmp_path: Path) -> None:
    many = "".join(f"unknown_key_number_{number}: 1\n" for number in range(500))
    text = problems_of(write(tmp_path, many))
    assert "has 500 problems" in text
    assert "more" in text
    assert len(text) < 4000


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("bundle: {max_batch: '5'}", "recipe.yml:4 bundle.max_batch: expected a whole number of at least 1, found '5'"),
        ("bundle: {max_batch: true}", "expected a whole number of at least 1, found true"),
        ("bundle: {max_batch: 1.5}", "expected a whole number of at least 1, found 1.5"),
        ("verify: {parity: {atol: -1}}", "verify.parity.atol: expected a number of at least 0, found -1"),
        ("verify: {parity: {atol: .inf}}", "verify.parity.atol: expected a finite number"),
        ("verify: {parity: {fp16: {label_mismatch: 2}}}", "expected a number from 0 to 1, found 2"),
        ("verify: {parity: {fp16: {rtoll: 2}}}", "verify.parity.fp16.rtoll: unknown key; did you mean rtol?"),
        ("verify: {golden: date}", "expected made or data, found 'date'; did you mean data?"),
        ("verify: {drift: {metric: acuracy}}\ndata: {label: y}", "did you mean accuracy?"),
        ("verify: {drift: {metric: f1}}", "verify.drift: drift is measured against true labels"),
        ("verify: {drift: {}}\ndata: {label: y}", "verify.drift.metric: required, but not written"),
        ("benchmark: {slo: {utilization: 0}}", "expected a number above 0, at most 1, found 0"),
        ("benchmark: {batch_sizes: []}", "expected a list with at least one entry"),
        ("benchmark: {batch_sizes: [1, 1]}", "benchmark.batch_sizes: holds the same entry twice"),
        ("benchmark: {batch_sizes: [1, x]}", "benchmark.batch_sizes[1]: expected a whole number of at least 1"),
        ("benchmark: {targets: [{name: a, provider: gpu}]}", "expected cpu, openvino, cuda"),
        ("benchmark: {targets: [{name: a, provider: cuba}]}", "did you mean cuda?"),
        ("benchmark: {targets: [{name: a, provider: cpu}, {name: a, provider: cpu}]}", "two targets have this name"),
        ("select: {target: cpu-2}", "select.target: no target of benchmark.targets has this name; did you mean cpu-1?"),
        ("select: {objektive: size}", "did you mean objective?"),
        ("threads: 4", "threads: unknown key here; did you mean benchmark.targets[].threads?"),
        ("atol: 4", "unknown key here; did you mean verify.parity.atol?"),
        ("data: parquet", "data: expected with the keys verification, label, features, found 'parquet'"),
        ("publish: registry://x", "publish: expected a list, each with the key to"),
        ("bundle: {python: 3.12}", "bundle.python: expected a version of Python"),
        ("convert: {converters: {'a b': c}}", "convert.converters: expected dotted names"),
        ("convert: {opset: newest}", "convert.opset: expected auto or a whole number of at least 9"),
        (
            "optimize: {precisions: [fp8]}",
            "optimize.precisions[0]: expected fp64, fp32, fp16, int8 or binned, found 'fp8'",
        ),
        ("bundle: {fast_path: allways}", "bundle.fast_path: expected prefer or require"),
        ("bundle: {fast_path: require}", "bundle.fast_path: require needs the variant binned in the bundle, which is"),
        ("bundle: {fast_path: require}\nselect: {objective: size}", "set select.objective to latency or throughput"),
        (
            "bundle: {fast_path: require}\nselect: {objective: latency}\noptimize: {precisions: [fp16]}",
            "name binned in optimize.precisions",
        ),
        (
            f"{REQUIRED}select: {{objective: latency, target: b}}\nbenchmark: {{targets: [{TARGET_A}, {TARGET_B}]}}",
            "bundle, which runs on the CPU alone, and has no figure on b (openvino): name a target of provider cpu",
        ),
        (
            f"{REQUIRED}select: {{objective: latency}}\nbenchmark: {{targets: [{TARGET_B}, {TARGET_A}]}}",
            "recipe.yml:4 bundle.fast_path: require needs the variant binned",
        ),
        ("version: ../x", "version: expected 1 to 64 letters"),
        ("version: a..b", "version: expected 1 to 64 letters"),
        ('version: "1\\n"', "version: expected text on one line"),
        ("version: 3", "found 3; put it in quotes"),
        ("<<: {a: 1}", "merge keys are not taken"),
        ("1: 2", "expected text as a key"),
        ("data: {label: !!binary aGk=}", "data.label: tags (words beginning with !) are not used"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, more: str, told: str) -> None:
    assert told in problems_of(write(tmp_path, more))


@pytest.mark.parametrize("name", ["Fraud", "../fraud", "a/b", "x" * 65, "''", "a_b"])
def test_a_name_that_is_no_folder_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    least = f"recipe_version: 1\nname: {name}\nsource: {{uri: x}}\n"
    assert "recipe.yml:2 name: expected 1 to 64" in problems_of(write(tmp_path, least=least))


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s4://a/b", "unknown scheme 's4'; did you mean s3://BUCKET/KEY?"),
        ("regisrty://a", "did you mean registry://NAME/VERSION?"),
        ("registry://../etc", "expected registry://NAME/VERSION or registry://NAME"),
        ("registry://a/../b", "expected registry://NAME/VERSION or registry://NAME"),
        ("registry://a/b/c", "expected registry://NAME/VERSION or registry://NAME"),
        ("registry://.hidden", "expected registry://NAME/VERSION or registry://NAME"),
        ("file://model.joblib", "expected file:///PATH"),
        ('""', "expected a path"),
    ],
)
def test_a_bad_uri_is_told_by_its_form(tmp_path: Path, uri: str, told: str) -> None:
    least = f"recipe_version: 1\nname: a\nsource: {{uri: {uri}}}\n"
    assert told in problems_of(write(tmp_path, least=least))


@pytest.mark.parametrize(
    "uri",
    ["a.joblib", "../a/b.pkl", "/a b", "file:///a", "registry://a-b/1.0", "registry://a", "models:/a/1",
     "models:/a@champion", "azureml:a:1", "oci://h/a:1", "s3://b/k", "abfs://c/k", "gs://b/k", "https://h/p", "c:\\x"],
)  # fmt: skip
def test_known_schemes_load(tmp_path: Path, uri: str) -> None:
    least = f"recipe_version: 1\nname: a\nsource: {{uri: '{uri}'}}\n"
    assert load_recipe(write(tmp_path, least=least), environ={}).source.uri == uri


def test_required_keys_are_named(tmp_path: Path) -> None:
    text = problems_of(write(tmp_path, least="recipe_version: 1\nsource: {}\n"))
    assert "recipe.yml:1 name: required" in text
    assert "recipe.yml:2 source.uri: required" in text


def test_numbers_and_text_follow_yaml_1_2(tmp_path: Path) -> None:
    more = "verify: {parity: {atol: 1e-7, rtol: 1}}\ndata: {label: no, verification: 2026-01-01}\n"
    recipe = load_recipe(write(tmp_path, more), environ={})
    assert recipe.verify.parity.atol == 1e-7
    assert recipe.verify.parity.rtol == 1.0
    assert recipe.data.label == "no"
    assert recipe.data.verification == "2026-01-01"


def test_where_names_the_line_or_says_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "verify:\n  parity:\n    atol: 0.1\nbenchmark:\n  targets:\n    - name: a\n      provider: cpu\n")
    recipe = load_recipe(Path("recipe.yml"), environ={})
    assert recipe.where("verify.parity.atol") == "recipe.yml:6 verify.parity.atol"
    assert recipe.where("verify.parity.rtol") == "recipe.yml verify.parity.rtol (default)"
    assert recipe.where("benchmark.targets[0].provider") == "recipe.yml:10 benchmark.targets[0].provider"
    assert recipe.where("benchmark.targets[0]") == "recipe.yml:9 benchmark.targets[0]"


def test_variables_are_filled_in_and_leave_the_digest_alone(tmp_path: Path) -> None:
    path = write(tmp_path, "data: {label: 'a-${NAME}-$${NAME}', features: ['${NAME}']}\n")
    one, other = (load_recipe(path, environ={"NAME": value}) for value in ("one", "other"))
    assert one.data.label == "a-one-${NAME}"
    assert other.data.features == ("other",)
    assert one.digest == other.digest
    assert one.document["data"] == {"label": "a-${NAME}-$${NAME}", "features": ["${NAME}"]}


def test_the_digest_is_that_of_the_meaning(tmp_path: Path) -> None:
    plain = load_recipe(write(tmp_path, "bundle: {max_batch: 5, request_key: x}\n"), environ={}).digest
    moved = load_recipe(write(tmp_path, "# a comment\nbundle:\n  request_key: 'x'\n  max_batch: 5\n"), environ={})
    other = load_recipe(write(tmp_path, "bundle: {max_batch: 6, request_key: x}\n"), environ={})
    assert plain == moved.digest != other.digest


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("${NOT_SET}", "data.label: the environment variable NOT_SET is not set"),
        ("${NOT_SET:-x}", "data.label: expected a variable as ${NAME}"),
        ("${NOT_SET", "data.label: expected a variable as ${NAME}"),
        ("${LINES}", "data.label: the environment variable LINES holds a line break"),
    ],
)
def test_a_variable_that_cannot_be_filled_in_is_one_problem(tmp_path: Path, value: str, told: str) -> None:
    text = problems_of(write(tmp_path, f"data: {{label: '{value}'}}\n"), LINES="a\nb")
    assert told in text
    assert text.count("data.label") == 1


def test_no_value_of_the_environment_is_told(tmp_path: Path) -> None:
    more = "version: ${SECRET}\nbundle: {max_batch: '${SECRET}', python: '${SECRET}'}\nselect: {target: '${SECRET}'}\n"
    text = problems_of(write(tmp_path, more + "publish: [{to: '${SECRET}://x'}]\n"), SECRET="hunter2..")
    assert text.count("recipe.yml:") == 5
    assert "hunter2" not in text
    assert "'${SECRET}'; a variable is always text" in text


def test_a_suggestion_holds_no_value_of_the_environment(tmp_path: Path) -> None:
    more = "benchmark: {targets: [{name: '${NAME}', provider: cpu}]}\nselect: {target: hunter3}\n"
    assert "hunter2" not in problems_of(write(tmp_path, more), NAME="hunter2")


def test_long_or_telling_text_is_not_repeated(tmp_path: Path) -> None:
    more = "source2: 1\nverify: {golden: 'https://user:hunter2@host/x'}\n"
    assert "hunter2" not in problems_of(write(tmp_path, more))


def test_a_newer_recipe_is_told_before_anything_else(tmp_path: Path) -> None:
    text = problems_of(write(tmp_path, least="recipe_version: 2\nnew_key: 1\n"))
    assert "made for a newer packager: version 2, this one reads 1" in text
    assert "new_key" not in text


@pytest.mark.parametrize("written", ["", "recipe_version: '1'\n", "recipe_version: true\n", "recipe_version: 0\n"])
def test_the_recipe_version_is_required(tmp_path: Path, written: str) -> None:
    assert "write recipe_version: 1" in problems_of(write(tmp_path, least=written + "name: x\n"))


def test_a_duplicate_key_is_told_with_both_lines(tmp_path: Path) -> None:
    assert "recipe.yml:4 name: written twice, first on line 2" in problems_of(write(tmp_path, "name: other\n"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "found nothing"),
        (b"[1, 2]", "found a list"),
        (b"just text", "found one value"),
        (b"a:\t- b\n\tc: d\n", "YAML is indented with spaces"),
        (b"a: [1\nb: 2", "not valid YAML"),
        (b"a: *nowhere", "not valid YAML"),
        (b"a: 1\n---\nb: 1\n", "expected one recipe, found another document"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"a: '\x01'", "control characters"),
        (b"a: " + b"[" * 5000, "nested more than"),
        (b"a: &a [*a]", "aliases that expand without bound"),
        (b"x" * 300_000, "larger than"),
    ],
)
def test_what_is_no_recipe_is_told_at_once(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "recipe.yml"
    path.write_bytes(content)
    assert told in problems_of(path)


def test_an_alias_bomb_is_bounded(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    assert "aliases that expand without bound" in problems_of(write(tmp_path, "\n".join(lines)))


def test_an_alias_may_stand_for_a_section(tmp_path: Path) -> None:
    more = "verify: {parity: {fp16: &loose {atol: 0.5}, int8: *loose}}\n"
    parity = load_recipe(write(tmp_path, more), environ={}).verify.parity
    assert parity.fp16.atol == parity.int8.atol == 0.5


def test_yaml_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    problems_of(write(tmp_path, f"version: !!python/object/apply:os.mkdir ['{marker}']\n"))
    assert not marker.exists()


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    assert "no such file" in problems_of(tmp_path / "none.yml")
    assert "directory" in problems_of(tmp_path)


def test_parity_limits_follow_their_precision(tmp_path: Path) -> None:
    more = "verify: {parity: {atol: 0.5, fp32: {rtol: 0.25}, int8: {label_mismatch: 0}}}\n"
    parity = load_recipe(write(tmp_path, more), environ={}).verify.parity

    def limits(precision: str) -> tuple[float, float, float]:
        limit = parity.tolerance(precision)  # type: ignore[arg-type]
        return limit.atol, limit.rtol, limit.label_mismatch

    assert limits("fp64") == (0.5, 1e-5, 0)
    assert limits("fp32") == (0.5, 0.25, 0)
    assert limits("fp16") == (1e-3, 1e-2, 0.001)
    assert limits("int8") == (5e-2, 1e-1, 0)
    assert limits("binned") == limits("fp64"), "what gives up nothing gets no room of its own"
    assert parity.tolerance_key("fp64", "atol") == "verify.parity.atol"
    assert parity.tolerance_key("fp32", "atol") == parity.tolerance_key("binned", "atol") == "verify.parity.atol"
    assert parity.tolerance_key("fp32", "rtol") == "verify.parity.fp32.rtol"
    assert parity.tolerance_key("fp16", "atol") == "verify.parity.fp16.atol"


def test_every_tolerance_key_is_a_key_of_the_recipe(tmp_path: Path) -> None:
    recipe: Recipe = load_recipe(write(tmp_path), environ={})
    dump = recipe.model_dump()
    for precision in get_args(Precision):
        for field in ("atol", "rtol", "label_mismatch"):
            value = dump
            for part in recipe.verify.parity.tolerance_key(precision, field).split("."):
                value = value[part]
            assert value == getattr(recipe.verify.parity.tolerance(precision), field)


def test_least_is_least(tmp_path: Path) -> None:
    for line in LEAST.splitlines():
        problems_of(write(tmp_path, least=LEAST.replace(line + "\n", "")))
