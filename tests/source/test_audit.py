"""Honest artifacts are accepted, and what the audit says of them is what loading really asks for."""

from __future__ import annotations

import _compat_pickle
import contextlib
import io
import os
import pickle
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import joblib.numpy_pickle
import numpy as np
import pytest
import sklearn

from packager.errors import SourceError
from packager.source.audit import audit
from tests.source import honest

# Each model is dumped in two of these forms, in turn.
PICKLES = [0, 1, 2, 3, 4, 5]
JOBLIBS = [
    {"protocol": 2}, {"protocol": 3}, {"protocol": 4}, {"protocol": 5}, {"compress": 3}, {"compress": ("gzip", 3)},
    {"compress": ("bz2", 3)}, {"compress": ("lzma", 1)}, {"compress": ("xz", 1)},
]  # fmt: skip


class Asked(set[str]):
    """The names that unpicklers really asked for."""

    def note(self, module: str, name: str, protocol: int) -> None:
        if protocol < 3:
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[module, name]
            else:
                module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        self.add(f"{module}.{name}")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Record what joblib's loader, which loads plain pickles as well, asks for."""
    names = Asked()

    class Recording(joblib.numpy_pickle.NumpyUnpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            names.note(module, name, self.proto)
            return super().find_class(module, name)

    monkeypatch.setattr(joblib.numpy_pickle, "NumpyUnpickler", Recording)
    return names


def _artifacts(folder: Path) -> Iterator[tuple[str, Path]]:
    for number, (name, make) in enumerate(honest.models().items()):
        model = make()
        protocol, options = PICKLES[number % len(PICKLES)], JOBLIBS[number % len(JOBLIBS)]
        path = folder / f"{number}.pkl"
        path.write_bytes(pickle.dumps(model, protocol))
        yield f"{name}, pickle protocol {protocol}", path
        path = folder / f"{number}.joblib"
        joblib.dump(model, path, **options)
        yield f"{name}, joblib {options}", path


def test_every_honest_model_is_accepted_with_exactly_the_names_that_loading_asks_for(
    tmp_path: Path, asked: Asked
) -> None:
    wrong, seen = {}, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, path in _artifacts(tmp_path):
            seen += 1
            asked.clear()
            joblib.load(path)
            try:
                found = set(audit(path).globals)
            except SourceError as error:
                wrong[name] = str(error)
                continue
            if found != asked:
                wrong[name] = f"differs by {found ^ asked}"
    assert not wrong
    assert seen > 1000


@pytest.fixture(scope="module")
def forest() -> Any:
    return honest.fitted("RandomForestClassifier")


@pytest.mark.parametrize("kind", [None, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_what_an_artifact_is(tmp_path: Path, forest: Any, kind: str | None) -> None:
    path = tmp_path / "model"
    joblib.dump(forest, path, compress=(kind, 3) if kind else 0)
    found = audit(path)
    assert (found.format, found.compression) == ("joblib", kind)
    assert found.root == "sklearn.ensemble._forest.RandomForestClassifier"
    assert found.versions["scikit-learn"] == sklearn.__version__
    assert found.globals == tuple(sorted(found.globals))
    assert "sklearn.tree._tree.Tree" in found.globals


def test_a_plain_pickle_tells_numpy_as_well(tmp_path: Path, forest: Any) -> None:
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(forest))
    assert audit(path).format == "pickle"
    assert audit(path).versions == {"scikit-learn": sklearn.__version__, "numpy": np.__version__[0]}


def test_numpy_1_is_told_from_numpy_2(tmp_path: Path, forest: Any) -> None:
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(forest, 2).replace(b"numpy._core.", b"numpy.core."))
    assert audit(path).versions["numpy"] == "1"


def test_several_training_versions_are_all_told(tmp_path: Path) -> None:
    state = honest.fitted("Ridge").__getstate__()
    other = sklearn.linear_model.Ridge()
    data = pickle.dumps([honest.fitted("Ridge"), {**state}, other])
    here = sklearn.__version__.encode()
    path = tmp_path / "model"
    path.write_bytes(data[: data.rindex(here)] + b"1.0.0"[: len(here)] + data[data.rindex(here) + len(here) :])
    versions = audit(path).versions["scikit-learn"].split(", ")
    assert versions in (["1.0.0"], ["1.0.0", sklearn.__version__])


@pytest.mark.parametrize(
    ("value", "root"),
    [({"a": 1}, "builtins.dict"), ([1], "builtins.list"), (np.arange(3), "numpy.ndarray"), ("x", "builtins.str")],
)
def test_the_outermost_object_is_told(tmp_path: Path, value: Any, root: str) -> None:
    for dump in (lambda path: joblib.dump(value, path), lambda path: path.write_bytes(pickle.dumps(value))):
        dump(tmp_path / "model")
        assert audit(tmp_path / "model").root == root


def test_a_memory_mapped_array_is_honest(tmp_path: Path) -> None:
    joblib.dump(np.arange(9.0), tmp_path / "plain")
    joblib.dump([joblib.load(tmp_path / "plain", mmap_mode="r")], tmp_path / "mapped")
    assert "numpy.memmap" in audit(tmp_path / "mapped").globals


def test_arrays_without_padding_are_read(tmp_path: Path) -> None:
    class Pipe(io.BytesIO):
        """joblib pads nothing where it cannot tell its place, and versions before 1.2 never did."""

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    joblib.dump([np.arange(5), "after", np.arange(3.0)], pipe)
    path = tmp_path / "model"
    path.write_bytes(pipe.getvalue())
    assert list(joblib.load(path)[0]) == [0, 1, 2, 3, 4]
    assert audit(path).format == "joblib"


class TestRefusals:
    @pytest.mark.parametrize(
        "data",
        [
            b"", b"\n", b"a,b,c\n1,2,3\n", b"x,y\n1,2\n", b"]\x00", b"Please read this\n", b"BZ is no bzip2",
            b"\x1f\x8b",
            b'{"a": 1}', b"PK\x03\x04 a zip", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(100), b"\x93NUMPY\x01\x00",
            b"0 1:2\n", b"tree", b"(dp0\n", b"<html>", b"%PDF-1.7", b"\x08\x07\x12\x0dskl2onnx", b"\xff" * 40,
        ],
    )  # fmt: skip
    def test_other_formats_are_named_as_such(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "artifact"
        path.write_bytes(data)
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "is not a pickle, a joblib file or a LightGBM model text" in str(caught.value)

    def test_a_missing_file_a_folder_and_a_pipe_are_refused(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for name, words in (("none", "cannot be read"), (".", "cannot be read"), ("pipe", "regular file")):
            with pytest.raises(SourceError) as caught:
                audit(tmp_path / name)
            assert words in str(caught.value)

    @pytest.mark.parametrize("dump", ["pickle", "joblib", "joblib.gz"])
    def test_an_artifact_that_is_cut_short_is_damaged(self, tmp_path: Path, forest: Any, dump: str) -> None:
        whole = tmp_path / f"whole.{dump}"
        whole.write_bytes(pickle.dumps(forest)) if dump == "pickle" else joblib.dump(forest, whole)
        data, path = whole.read_bytes(), tmp_path / "cut"
        for part in range(1, 40):
            path.write_bytes(data[: len(data) * part // 40])
            with pytest.raises(SourceError) as caught:
                audit(path)
            assert "damaged" in str(caught.value) or "cut short" in str(caught.value)

    def test_flipped_bits_are_refused_or_change_no_name(self, tmp_path: Path) -> None:
        data = pickle.dumps(honest.fitted("LogisticRegression"))
        path = tmp_path / "flipped"
        path.write_bytes(data)
        honest_names = set(audit(path).globals)
        for place in range(0, len(data), 3):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
            with contextlib.suppress(SourceError):
                assert set(audit(path).globals) <= honest_names

    def test_unknown_names_are_listed_with_a_hint_that_works(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.pkl"
        path.write_bytes(b"\x80\x02cmy_pkg.steps\nTransformer\n)\x81}X\x01\x00\x00\x00aK\x01sb.")
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "my_pkg.steps.Transformer" in caught.value.message
        assert caught.value.hint is not None
        assert "source.trust: [my_pkg.steps.Transformer]" in caught.value.hint
        assert audit(path, trust=["my_pkg.steps.Transformer"]).root == "my_pkg.steps.Transformer"

    def test_trust_is_for_the_exact_name_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.pkl"
        path.write_bytes(b"\x80\x02cmy_pkg\nTransformer\n)\x81}X\x01\x00\x00\x00acmy_pkg\nhelp\nsb.")
        for trust in (
            ["my_pkg"],
            ["my_pkg."],
            ["my_pkg.*"],
            ["Transformer"],
            ["my_pkg.Transformer"],
            ["my_pkg.helper"],
        ):
            with pytest.raises(SourceError):
                audit(path, trust=trust)
        assert audit(path, trust=["my_pkg.Transformer", "my_pkg.help"]).globals == (
            "my_pkg.Transformer", "my_pkg.help",
        )  # fmt: skip

    def test_trust_does_not_help_what_a_trusted_class_is_called_with(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.pkl"
        path.write_bytes(b"\x80\x02cmy_pkg\nTransformer\n(cos\nsystem\ntR.")
        with pytest.raises(SourceError) as caught:
            audit(path, trust=["my_pkg.Transformer"])
        assert "os.system" in str(caught.value)
        assert "my_pkg" not in str(caught.value)

    def test_a_class_of_a_script_gets_another_hint(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.pkl"
        path.write_bytes(b"\x80\x02c__main__\nTransformer\n)\x81.")
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "module that can be imported" in str(caught.value.hint)

    def test_a_data_frame_gets_another_hint(self, tmp_path: Path) -> None:
        path = tmp_path / "table.pkl"
        path.write_bytes(pickle.dumps({"model": honest.fitted("Ridge"), "rows": honest.frame()}))
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "data frames" in str(caught.value.hint)

    def test_the_shown_name_of_the_file_is_escaped(self, tmp_path: Path) -> None:
        path = tmp_path / "evil\x1b[31m\n.pkl"
        path.write_bytes(b"cos\nsystem\n.")
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "\x1b" not in str(caught.value)


class TestLimits:
    @pytest.mark.parametrize("kind", ["zlib", "gzip", "bz2", "lzma", "xz"])
    def test_a_bomb_is_told_by_its_size(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "bomb"
        joblib.dump(np.zeros(1 << 20), path, compress=(kind, 6))
        assert audit(path).compression == kind
        with pytest.raises(SourceError) as caught:
            audit(path, inflated_limit_bytes=4 << 20)
        assert caught.value.limit == f"{4 << 20:,} bytes"

    def test_a_small_file_may_not_become_gigabytes(self, tmp_path: Path) -> None:
        packer = zlib.compressobj(9)
        path = tmp_path / "bomb"
        head = b"\x80\x04\x8e" + (300 << 20).to_bytes(8, "little")
        blocks = [packer.compress(head), *(packer.compress(bytes(1 << 20)) for _ in range(300))]
        path.write_bytes(b"".join(blocks) + packer.compress(b".") + packer.flush())
        assert path.stat().st_size < 1 << 20
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "inflates beyond" in str(caught.value)

    @pytest.mark.parametrize("body", [b"\x85", b"}", b"2", b"(", b"N\x94", b"]"])
    def test_millions_of_operations_end_in_a_refusal(
        self, tmp_path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("packager.source.walk.MAX_OPERATIONS", 1_000_000)
        path = tmp_path / "long"
        path.write_bytes(b"\x80\x04N" + body * (1_200_000 // len(body)) + b".")
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "damaged" in str(caught.value)

    def test_a_deep_nest_does_not_exhaust_the_interpreter(self, tmp_path: Path) -> None:
        path = tmp_path / "deep"
        path.write_bytes(b"\x80\x04N" + b"\x85" * 200_000 + b".")
        assert audit(path).root == "builtins.tuple"
        path.write_bytes(b"\x80\x04cbuiltins\ngetattr\n" + b"\x85" * 200_000 + b".")
        with pytest.raises(SourceError) as caught:
            audit(path)
        assert "builtins.getattr" in str(caught.value)

    def test_deep_tuples_as_field_names_or_arguments_are_refused(self, tmp_path: Path) -> None:
        deep = b"N" + b"\x85" * 100_000
        dtype = b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8\x89\x88tR"
        path = tmp_path / "deep"
        names = b"\x80\x02" + dtype + b"(K\x03X\x01\x00\x00\x00|N" + deep + b"}K\x08K\x01K\x10tb."
        for data in (
            names,
            b"\x80\x02cnumpy\ndtype\n" + deep + b"R.",
            b"\x80\x02ccopyreg\n_reconstructor\n" + deep + b"R.",
        ):
            path.write_bytes(data)
            with pytest.raises(SourceError):
                audit(path)


def test_a_lightgbm_text_is_recognised(tmp_path: Path) -> None:
    booster = honest.models()["Booster(binary)"]()
    path = tmp_path / "model.txt"
    booster.save_model(path)
    found = audit(path)
    assert (found.format, found.compression, found.globals) == ("lightgbm-text", None, ())
    assert found.versions == {"lightgbm": "4"}
    assert found.root == "lightgbm.basic.Booster"


def test_a_pickled_booster_tells_its_text_format(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for name in ("Booster(binary)", "LGBMClassifier"):
        path.write_bytes(pickle.dumps(honest.models()[name]()))
        assert audit(path).versions["lightgbm"] == "4"


def test_nothing_is_imported_by_an_audit(tmp_path: Path) -> None:
    path = tmp_path / "model"
    joblib.dump(honest.models()["mixed pipeline LogisticRegression"](), path)
    code = (
        "import sys; from pathlib import Path; from packager.source.audit import audit; audit(Path(sys.argv[1])); "
        "print(*{'numpy', 'sklearn', 'joblib', 'lightgbm', 'pandas', 'scipy'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
