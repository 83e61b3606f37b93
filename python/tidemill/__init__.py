"""tidemill: a native engine for small and middle-sized language models.

    >>> import tidemill
    >>> engine = tidemill.Engine.load("gemma3-270m")
    >>> print(engine.generate("The tide", max_tokens=20, temperature=0))
    >>> for piece in engine.stream("Once upon a time", max_tokens=40):
    ...     print(piece, end="", flush=True)

`Engine` writes and chats, `Tokenizer` is any model's tokenizer alone, `Embedder` makes vectors of texts, `Reranker` scores
documents, `models`, `delta` and `embed_files` work on files, `tensor_ops` has functions of arrays, `cache` keeps values,
`devices` says what the machine has.
"""

from tidemill import delta
from tidemill.errors import (
    ArgumentError,
    Cancelled,
    ContextFull,
    Error,
    FormatError,
    InputOutputError,
    ModelError,
    NotFound,
    OutOfMemory,
    QueueFull,
    ShapeError,
    TokenizerError,
)

if delta.is_available():
    from tidemill import cache, devices, models, tensor_ops
    from tidemill._native import Encoding, MemoryUse, Piece, ProfileRow, Result, TokenLogprob, Usage
    from tidemill.embed_job import embed_files
    from tidemill.embedder import Embedder
    from tidemill.embedding_stream import AsyncEmbeddingStream, EmbeddingEvent, EmbeddingStream
    from tidemill.engine import AsyncStream, Engine, GenerateOptions, Stream
    from tidemill import tokenizer
    from tidemill.reranker import Reranker
    from tidemill.session import PromptCache, Session
    from tidemill.tensor_ops import check_simd_support, simd_dot_product, simd_vector_add, warmup
    from tidemill.tokenizer import Tokenizer, batch_encode
else:

    def __getattr__(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"tidemill.{name}: the native part is not installed; only tidemill.delta's functions over arrays work without")


__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "AsyncEmbeddingStream",
    "AsyncStream",
    "Cancelled",
    "ContextFull",
    "Embedder",
    "EmbeddingEvent",
    "EmbeddingStream",
    "Encoding",
    "Engine",
    "Error",
    "FormatError",
    "GenerateOptions",
    "InputOutputError",
    "MemoryUse",
    "ModelError",
    "NotFound",
    "OutOfMemory",
    "Piece",
    "ProfileRow",
    "PromptCache",
    "QueueFull",
    "Reranker",
    "Result",
    "Session",
    "ShapeError",
    "Stream",
    "TokenLogprob",
    "Tokenizer",
    "TokenizerError",
    "Usage",
    "__version__",
    "batch_encode",
    "cache",
    "check_simd_support",
    "delta",
    "devices",
    "embed_files",
    "models",
    "simd_dot_product",
    "simd_vector_add",
    "tensor_ops",
    "tokenizer",
    "warmup",
]
