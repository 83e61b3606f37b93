"""LlamaIndex over a tidemill server: answers from some documents, found by their vectors.

pip install llama-index-core llama-index-llms-openai-like llama-index-embeddings-openai-like
tidemill serve --model gemma3-270m --model vectors=all-minilm-l6-v2 --port 8080 &
python examples/python/llama_index_query.py --model gemma3-270m --embedding-model vectors README.md docs/python.md
"""

import argparse
import pathlib

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--key", default="none", help="an API key, where the server asks for one")
    parser.add_argument("--model", required=True)
    parser.add_argument("--embedding-model", required=True)
    parser.add_argument("--question", default="How are texts embedded?")
    parser.add_argument("--max-tokens", type=int, default=200)
    arguments = parser.parse_args()

    Settings.llm = OpenAILike(
        model=arguments.model,
        api_base=arguments.url,
        api_key=arguments.key,
        is_chat_model=True,
        context_window=8192,
        max_tokens=arguments.max_tokens,
    )
    Settings.embed_model = OpenAILikeEmbedding(
        model_name=arguments.embedding_model, api_base=arguments.url, api_key=arguments.key
    )
    documents = [Document(text=path.read_text(encoding="utf-8")) for path in arguments.files]
    print(VectorStoreIndex.from_documents(documents).as_query_engine().query(arguments.question))


if __name__ == "__main__":
    main()
