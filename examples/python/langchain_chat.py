"""LangChain over a tidemill server: chat, streaming and embeddings by the OpenAI wire format.

pip install langchain-openai
tidemill serve --model gemma3-270m --model vectors=all-minilm-l6-v2 --port 8080 &
python examples/python/langchain_chat.py --model gemma3-270m --embedding-model vectors
"""

import argparse

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--key", default="none", help="an API key, where the server asks for one")
    parser.add_argument("--model", required=True)
    parser.add_argument("--embedding-model")
    parser.add_argument("--prompt", default="What is a tide mill?")
    parser.add_argument("--max-tokens", type=int, default=200, help="a model that was not tuned to chat ends nowhere")
    arguments = parser.parse_args()

    chat = ChatOpenAI(
        model=arguments.model,
        base_url=arguments.url,
        api_key=SecretStr(arguments.key),
        temperature=0,
        max_completion_tokens=arguments.max_tokens,
    )
    for piece in chat.stream(arguments.prompt):
        print(piece.text, end="", flush=True)
    print()

    if arguments.embedding_model:
        # Texts are sent as texts: the client's own tokenizer is that of another model.
        embeddings = OpenAIEmbeddings(
            model=arguments.embedding_model,
            base_url=arguments.url,
            api_key=SecretStr(arguments.key),
            check_embedding_ctx_length=False,
        )
        vector = embeddings.embed_query(arguments.prompt)
        print(f"{len(vector)} numbers: {vector[:4]} ...")


if __name__ == "__main__":
    main()
