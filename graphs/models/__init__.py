"""Models: the one place that knows LangChain's. Importing this is cheap; the SDK is loaded at the first question."""

from __future__ import annotations

from graphs.models.planner import ModelPlanner as ModelPlanner
from graphs.models.splitter import ModelSplitter as ModelSplitter
