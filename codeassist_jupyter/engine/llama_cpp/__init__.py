"""Engine on llama-cpp-python's low-level API: GGUF models on the CPU, or a GPU it was built for."""

from .engine import LlamaCppEngine
from .measure import measure

__all__ = ["LlamaCppEngine", "measure"]
