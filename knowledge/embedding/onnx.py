"""The default embedder: all-MiniLM-L6-v2 as int8 on onnxruntime, loaded when first used and let go when idle."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from knowledge.embedding.base import EmbedderUnavailable, Vectors, batches, unit
from knowledge.pages import let_code_go, trim

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SIZE = 384
WINDOW = 256  # word pieces MiniLM was trained to read; more are cut off
LARGE = 100_000  # bytes of weights that are worth mapping
BUDGET = 1_600  # padded tokens a run: more buys no speed and takes memory


def model_folder(explicit: str = "") -> Path | None:
    """Where the prepared model lies: the given folder, or the one `./steward` prepares; None when there is none."""
    folder = Path(explicit) if explicit else Path(sys.prefix) / "share" / "steward" / "minilm-int8"
    return folder if (folder / "model.onnx").is_file() and (folder / "tokenizer.json").is_file() else None


class OnnxEmbedder:
    """One session, one thread, one call at a time; everything that computes runs in a worker thread of its own.

    onnxruntime lets other threads run while it computes, so the event loop goes on. `idle_s` seconds after the last
    use the session is dropped and its memory given back to the system.
    """

    def __init__(self, folder: Path, *, idle_s: float = 300.0) -> None:
        self.folder = folder
        self.size = SIZE
        self.idle_s = idle_s
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="embed")
        self._session: Any = None
        self._tokenizer: Tokenizer | None = None
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._fingerprint = _fingerprint(folder)

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def loaded(self) -> bool:
        return self._session is not None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, SIZE), np.float32)
        loop = asyncio.get_running_loop()
        try:
            vectors = await loop.run_in_executor(self._pool, self._embed, list(texts))
        except (OSError, RuntimeError, ValueError) as error:
            raise EmbedderUnavailable(f"The embedding model in {self.folder} cannot be used: {error}") from error
        self._watch(loop)
        return vectors

    async def rest(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, self._unload)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self.rest()
        self._pool.shutdown(wait=False)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer at a time: when it finds the model used meanwhile, it waits for the remainder."""
        self._last = time.monotonic()
        if self._timer is None:
            self._timer = loop.call_later(self.idle_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        left = self._last + self.idle_s - time.monotonic()
        if left > 0:
            self._timer = loop.call_later(left, self._look, loop)
        elif self.loaded:
            loop.run_in_executor(self._pool, self._unload)

    def _embed(self, texts: list[str]) -> Vectors:
        session, tokenizer = self._load()
        encoded = tokenizer.encode_batch_fast(texts)
        out = np.empty((len(texts), SIZE), np.float32)
        for run in batches([len(e.ids) for e in encoded], BUDGET):
            longest = max(len(encoded[i].ids) for i in run)
            ids = np.zeros((len(run), longest), np.int64)
            mask = np.zeros((len(run), longest), np.int64)
            for row, i in enumerate(run):
                ids[row, : len(encoded[i].ids)] = encoded[i].ids
                mask[row, : len(encoded[i].ids)] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            names = {i.name for i in session.get_inputs()}
            (sentences,) = session.run([self._output(session)], {k: v for k, v in feed.items() if k in names})
            out[run] = unit(sentences)
        return out

    @staticmethod
    def _output(session: Any) -> str:
        """The pooled output is the one with two dimensions; token vectors have three."""
        return next(str(o.name) for o in session.get_outputs() if len(o.shape) == 2)

    def _load(self) -> tuple[Any, Tokenizer]:
        if self._session is None or self._tokenizer is None:
            import onnxruntime
            from tokenizers import Tokenizer

            onnxruntime.set_default_logger_severity(3)
            tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.enable_truncation(WINDOW)
            mapped = self._mapped(onnxruntime)
            self._session = onnxruntime.InferenceSession(
                str(mapped or self.folder / "model.onnx"), _options(onnxruntime), providers=["CPUExecutionProvider"]
            )
            self._tokenizer = tokenizer
            trim()  # what loading took and needs no more: 11 MB
        return self._session, self._tokenizer

    def _mapped(self, onnxruntime: Any) -> Path | None:
        """The same model with its weights in a file that is mapped, not read: 13 MB less, and half the time to load.

        Made beside the model when it is first loaded; None where that can't be. Its vectors are the same to the last bit.
        """
        made = self.folder / f"mapped-{onnxruntime.__version__}-{self._fingerprint[:16]}"
        if not (made / "model.onnx").is_file():
            try:
                with tempfile.TemporaryDirectory(prefix=".mapped-", dir=self.folder) as beside:
                    options = _options(onnxruntime)
                    options.optimized_model_filepath = str(Path(beside, "whole", "model.onnx"))
                    prefix = "session.optimized_model_external_initializers"
                    options.add_session_config_entry(f"{prefix}_file_name", "weights")
                    options.add_session_config_entry(f"{prefix}_min_size_in_bytes", str(LARGE))
                    Path(beside, "whole").mkdir()
                    onnxruntime.InferenceSession(
                        str(self.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
                    )
                    Path(beside, "whole").rename(made)
            except (OSError, RuntimeError):  # read-only, full, or another process was quicker
                pass
        return made / "model.onnx" if (made / "model.onnx").is_file() else None

    def _unload(self) -> None:
        self._session = None
        self._tokenizer = None
        trim()
        for package in ("onnxruntime", "tokenizers"):
            let_code_go(package)


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _fingerprint(folder: Path) -> str:
    """What the preparation wrote down about the model, else a digest of the file itself."""
    meta = folder / "meta.json"
    if meta.is_file():
        body: dict[str, object] = json.loads(meta.read_text("utf-8"))
        return "-".join(str(body[k])[:16] for k in ("onnx_sha256", "precision", "pooling", "max_len"))
    with (folder / "model.onnx").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16] + f"-unknown-mean-{WINDOW}"
