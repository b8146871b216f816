"""The command line: arguments in, one stage of the story run, an exit status out. The only place that catches broadly.

Results go to stdout, talk to stderr. Everything heavy is imported inside the command that needs it.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
import typer.core

from packager import __version__
from packager.errors import PackagerError

# As a shell tells of a program that SIGPIPE ended.
_READER_GONE = 141


@contextmanager
def _quiet_without_reader() -> Iterator[None]:
    """End quietly where whoever reads stdout has heard enough; typer would say 1, which stands for a bug of ours."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_READER_GONE)


class _Commands(typer.core.TyperGroup):
    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _quiet_without_reader():  # --help is printed here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _quiet_without_reader():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Turn a registered scikit-learn or LightGBM model into a verified, benchmarked, deployable ONNX bundle.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

Recipes = Annotated[list[Path], typer.Argument(help="recipe files", metavar="RECIPE...")]
BundleFolder = Annotated[Path, typer.Argument(help="folder of a bundle", metavar="BUNDLE")]
Arrivals = Literal["poisson", "fixed"]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON")]


def main() -> None:
    """Run the command line; every failure becomes one message and its exit code, never a traceback."""
    traceback_wanted = "--traceback" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--traceback"]
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(standalone_mode=True)
    except PackagerError as error:
        if traceback_wanted:
            raise
        _show(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted: nothing was left behind", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if traceback_wanted:
            raise
        _show_bug(error)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="print the version and leave")] = False,
) -> None:
    if version:
        print(f"packager {__version__}")
        raise typer.Exit


@app.command(epilog="Example: package register model.joblib --name fraud --data held_out.parquet")
def register(
    artifact: Annotated[Path, typer.Argument(help="pickle, joblib file or LightGBM model text", metavar="ARTIFACT")],
    name: Annotated[str, typer.Option("--name", help="name in the registry")],
    version: Annotated[str | None, typer.Option("--version", help="default: the next number")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="verification rows, kept beside it")] = None,
    as_json: AsJson = False,
) -> None:
    """Put an artifact, and rows to verify with, into the directory registry ($PACKAGE_REGISTRY, else ./registry)."""
    from packager.commands.register import register_artifact

    _result(register_artifact(artifact, name, version, data), as_json)


@app.command(epilog="Example: package build recipes/fraud-lightgbm.yml --out dist")
def build(
    recipes: Recipes,
    out: Annotated[Path, typer.Option("--out", help="folder for bundles and reports")] = Path("dist"),
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="recipes built at the same time")] = 1,
    no_publish: Annotated[bool, typer.Option("--no-publish", help="leave out the publish stage")] = False,
    locked: Annotated[bool, typer.Option("--locked", help="replay the choices of recipe.lock.yml")] = False,
    show_values: Annotated[bool, typer.Option("--show-values", help="show cells of the worst rows in reports")] = False,
    as_json: AsJson = False,
) -> None:
    """Convert, verify, measure and bundle registered models."""
    from packager.commands.build import build_recipes
    from packager.pipeline import Options

    options = Options(out, locked=locked, publish=not no_publish, show_values=show_values)
    raise typer.Exit(build_recipes(recipes, options, jobs=jobs, as_json=as_json))


@app.command(epilog="Example: package check recipes/*.yml")
def check(recipes: Recipes, as_json: AsJson = False) -> None:
    """Validate recipes, resolve their sources and say how every step of the model converts; build nothing."""
    from packager.commands.check import check_recipes

    raise typer.Exit(check_recipes(recipes, as_json=as_json))


@app.command(epilog="Example: package init model.joblib --data held-out.parquet --out fraud.yml")
def init(
    artifact: Annotated[str, typer.Argument(help="an artifact's path, or registry://NAME/VERSION")],
    data: Annotated[str | None, typer.Option("--data", help="rows that the model has not seen")] = None,
    name: Annotated[str | None, typer.Option("--name", help="name of the bundle; default: the artifact's")] = None,
    trust: Annotated[list[str] | None, typer.Option("--trust", help="exact name that loading may import")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="a new file for the recipe; default: stdout")] = None,
) -> None:
    """Look at an artifact and write a commented recipe for it; its paths are relative to where the recipe lies."""
    from packager.commands.init import Asked, draft_recipe, write_draft

    text = draft_recipe(artifact, Asked(data, tuple(trust or ()), name), folder=out.parent if out else Path())
    if out is None:
        print(text, end="")
        return
    write_draft(text, out)
    print(f"next: package check {shlex.quote(str(out))}", file=sys.stderr)
    print(out)


@app.command(epilog="Example: package inspect model.joblib")
def inspect(
    subject: Annotated[Path, typer.Argument(help="an artifact or a bundle", metavar="ARTIFACT|BUNDLE")],
    trust: Annotated[list[str] | None, typer.Option("--trust", help="exact name that loading may import")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what an artifact or a bundle is: framework, versions, estimators, inputs, outputs, what loading imports."""
    from packager.commands.inspect import inspect_path

    _result(inspect_path(subject, tuple(trust or ())), as_json)


@app.command(epilog="Example: package verify dist/fraud-3/bundle")
def verify(
    bundle: BundleFolder,
    show_values: Annotated[bool, typer.Option("--show-values", help="show the cells of rows that differ")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a bundle's digests and replay its golden rows through its own scoring script, on this machine."""
    from packager.commands.verify import verify_bundle

    raise typer.Exit(verify_bundle(bundle, show_values=show_values, as_json=as_json))


@app.command(epilog="Example: package validate dist/fraud-3/bundle --load 'p95 <= 250 ms at 100 rps'")
def validate(
    bundle: BundleFolder,
    load: Annotated[str | None, typer.Option("--load", help="load gate, as 'p95 <= 250 ms at 100 rps'")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a bundle as the platform would, in a clean environment of its own, and say what would fail there."""
    from packager.commands.validate import validate_bundle

    raise typer.Exit(validate_bundle(bundle, load=load, as_json=as_json))


@app.command(epilog="Example: package benchmark dist/fraud-3/bundle --target cpu --served --cpus 2 --slo-p95-ms 250")
def benchmark(
    bundle: BundleFolder,
    targets: Annotated[
        list[str] | None, typer.Option("--target", help="cpu, openvino-4 (threads), …; default: the recipe's")
    ] = None,
    batch_sizes: Annotated[
        list[int] | None, typer.Option("--batch-size", min=1, max=100_000, help="rows per call; default: the recipe's")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", min=1, max=1024, help="of targets that name none")
    ] = None,
    instance_type: Annotated[str | None, typer.Option("--instance-type", help="what this machine is called")] = None,
    served: Annotated[bool, typer.Option("--served", help="also load it on the real inference server")] = False,
    qps: Annotated[float | None, typer.Option("--qps", min=0.01, max=1e6, help="served: rate to plan for")] = None,
    slo: Annotated[
        float | None, typer.Option("--slo-p95-ms", min=0.001, max=20_000, help="served: p95 to keep")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="served: rows a request")] = 1,
    workers: Annotated[
        list[int] | None, typer.Option("--workers", min=1, max=1024, help="served: default one a CPU")
    ] = None,
    cpus: Annotated[list[int] | None, typer.Option("--cpus", min=1, help="served: CPUs of the server")] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, max=600, help="served: length of a run")
    ] = None,
    arrivals: Annotated[Arrivals, typer.Option("--arrivals", help="served: how requests come")] = "poisson",
    out: Annotated[Path | None, typer.Option("--out", help="file for the result, as package report reads it")] = None,
    pytest_benchmark: Annotated[
        Path | None, typer.Option("--pytest-benchmark", help="file for the calls, in pytest-benchmark's JSON")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a bundle on this machine, on every target that is asked for; write nothing into it."""
    from packager.commands.benchmark import Asked, benchmark_bundle
    from packager.commands.served import ServedAsked

    load = ServedAsked(qps, slo, rows, tuple(workers or ()), tuple(cpus or ()), seconds, arrivals)
    asked = Asked(
        tuple(targets or ()), tuple(batch_sizes or ()), tuple(threads or ()), instance_type, load if served else None
    )
    raise typer.Exit(benchmark_bundle(bundle, asked, out=out, pytest_benchmark=pytest_benchmark, as_json=as_json))


@app.command(epilog="Example: package serve dist/fraud-3/bundle --port 5001 --platform")
def serve(
    bundle: BundleFolder,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="port on loopback; 0 takes a free one")] = 5001,
    platform: Annotated[
        bool, typer.Option("--platform", help="answer as Azure ML's front does: key, 401, 404, 408, 424, 429")
    ] = False,
    key: Annotated[
        str | None,
        typer.Option("--key", envvar="SCORING_KEY", help="platform: the key; default: one made for this run"),
    ] = None,
) -> None:
    """Run a bundle on the real inference server, on loopback, with a page to try it, until Ctrl-C."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    if platform:
        from packager.front.platform import serve_as_platform

        serve_as_platform(bundle, port=port, key=key, say=say)
        return
    from packager.front.page import serve_with_page

    serve_with_page(bundle, port=port, say=say)


@app.command(epilog="Example: package publish dist/fraud-3/bundle --to registry://fraud-onnx")
def publish(
    bundle: BundleFolder,
    to: Annotated[str, typer.Option("--to", help="registry://NAME or registry://NAME/VERSION")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check everything, write nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Upload a bundle whose gate passed; publishing the same bundle again changes nothing."""
    from packager.commands.publish import publish_bundle

    _result(publish_bundle(bundle, to, dry_run=dry_run), as_json)


@app.command(epilog="Example: package report here.json f4s.json --slo-p95-ms 50 --qps 300 --out sku-report")
def report(
    files: Annotated[list[Path], typer.Argument(help="results of package benchmark --served", metavar="FILE...")],
    slo_p95_ms: Annotated[
        float | None,
        typer.Option("--slo-p95-ms", help="95th percentile to hold; default: the SLO it was measured with"),
    ] = None,
    qps: Annotated[float | None, typer.Option("--qps", help="requests per second to plan for")] = None,
    utilization: Annotated[
        float | None, typer.Option("--utilization", help="share of an instance to plan with; default: the recipe's")
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="rows per request; default: the fewest that were measured")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="CSV, YAML or JSON of instance types and their prices")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="folder for report.html, .md and .json")] = Path("sku-report"),
    as_json: AsJson = False,
) -> None:
    """Say which instance type, how many and at what cost, from measurements of one machine or several."""
    from packager.commands.report import Options, report_files

    options = Options(slo_p95_ms, qps, utilization, rows, prices)
    _result(report_files(files, options, out=out, as_json=as_json), False)


@app.command(epilog="Example: package diff dist/fraud-3/bundle dist/fraud-4/bundle")
def diff(
    first: Annotated[Path, typer.Argument(help="folder of a bundle", metavar="BUNDLE")],
    second: Annotated[Path, typer.Argument(help="folder of the bundle that follows it", metavar="BUNDLE")],
    as_json: AsJson = False,
) -> None:
    """Say what changed between two bundles: model, signature, environment, answers, figures."""
    from packager.commands.diff import diff_bundles

    raise typer.Exit(diff_bundles(first, second, as_json=as_json))


@app.command(epilog="Example: package schema > recipe.schema.json")
def schema() -> None:
    """Print the recipe's JSON Schema, for editors."""
    from packager.files import pretty_json
    from packager.recipe.schema import schema as recipe_schema

    print(pretty_json(recipe_schema()), end="")


def _result(result: dict[str, Any], as_json: bool) -> None:
    """Print a result on stdout: as JSON, or one `key  value` line each."""
    if as_json:
        from packager.files import pretty_json

        print(pretty_json(result), end="")
        return
    from packager.wording import printable

    width = max(map(len, result), default=0)
    for key, value in result.items():
        lines = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
        for index, line in enumerate(lines or [""]):
            print(f"{key if index == 0 else '':<{width}}  {printable(line)}")


def _show(error: PackagerError) -> None:
    from packager.console import Console

    Console().error(error)


def _show_bug(error: Exception) -> NoReturn:
    import traceback

    from packager.bugs import bug

    print(bug(type(error).__name__, "".join(traceback.format_exception(error))), file=sys.stderr)
    sys.exit(1)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
