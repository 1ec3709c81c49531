"""Which reader of pictures the settings ask for: the only place that knows them all."""

from __future__ import annotations

from bot.settings import ModelSettings, PictureSettings
from knowledge.ocr.base import PictureReader
from knowledge.ocr.readers import ModelReader, NoReader, TesseractReader

_ADDRESSES = {"openai": "https://api.openai.com/v1", "ollama": "http://127.0.0.1:11434/v1"}


def reader_of(pictures: PictureSettings, models: ModelSettings) -> PictureReader:
    """A picture leaves the house only where `reader` is `model`: a model that is set for other things reads none."""
    if pictures.reader == "off":
        return NoReader("Reading pictures is switched off (STEWARD_PICTURES__READER).")
    if pictures.reader != "model":
        return TesseractReader(pictures.languages)
    provider, _, fast = models.fast.partition(":")
    model = pictures.model or fast
    if provider not in ("", *_ADDRESSES):
        return NoReader(f"Pictures can't be shown to {provider}: it needs a server with OpenAI's interface.")
    address = models.base_url.rstrip("/") or _ADDRESSES.get(provider, "")
    if provider == "ollama" and not address.endswith("/v1"):
        address += "/v1"
    if not (address and model):
        return NoReader("Pictures are to be shown to a model, but none is set: set STEWARD_MODELS__FAST.")
    return ModelReader(address, model, models.api_key.get_secret_value())
