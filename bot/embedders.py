"""Which embedder the settings ask for: the only place that knows them all."""

from __future__ import annotations

from bot.settings import EmbeddingSettings
from knowledge.embedding.base import Embedder
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.retriever.cross import Reranker


def reranker_of(settings: EmbeddingSettings) -> Reranker | None:
    """The cross-encoder that the settings name. Loads nothing yet."""
    if not settings.reranker:
        return None
    from knowledge.retriever.cross import CrossEncoder

    return CrossEncoder(settings.reranker)


def embedder_of(settings: EmbeddingSettings) -> Embedder | None:
    """None when only the default is asked for and it is not prepared. Imports what it needs; loads no model yet."""
    if settings.base_url:
        from knowledge.embedding.remote import RemoteEmbedder

        return RemoteEmbedder(settings.base_url, settings.model, settings.size, settings.api_key.get_secret_value())
    if settings.model:
        from knowledge.embedding.sentences import SentenceEmbedder

        return SentenceEmbedder(settings.model, settings.size)
    folder = model_folder(settings.path)
    return OnnxEmbedder(folder) if folder else None
