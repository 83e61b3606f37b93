"""A chat in the terminal, streamed, with the conversation kept.

pip install tidemill
python examples/python/chat.py gemma3-270m
"""

import argparse

import tidemill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model that was tuned to chat: a file, a folder, or a name in the model store")
    parser.add_argument("--max-tokens", type=int, default=400)
    parser.add_argument("--temperature", type=float, default=0.7)
    arguments = parser.parse_args()
    engine = tidemill.Engine.load(arguments.model)
    messages: list[dict[str, str]] = []
    while True:
        try:
            said = input("> ")
        except EOFError:
            return
        messages.append({"role": "user", "content": said})
        answer = ""
        try:
            # What the turns before have in common with this prompt is not read again.
            prompt = engine.chat_ids(messages)
            with engine.stream(prompt, max_tokens=arguments.max_tokens, temperature=arguments.temperature) as pieces:
                for piece in pieces:
                    answer += piece.text
                    print(piece.text, end="", flush=True)
        except KeyboardInterrupt:  # ends the answer, not the chat
            pass
        except tidemill.ContextFull as error:
            print(f"{error}\n(the chat begins anew)")
            messages.clear()
            continue
        print()
        messages.append({"role": "assistant", "content": answer})


if __name__ == "__main__":
    main()
