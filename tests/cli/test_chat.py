"""tidemill chat: turns by the model's template, in one session."""

import json

GREEDY = ["--temperature", 0, "-n", 12]


def prompt_of(tidemill, model, messages):
    line = json.dumps({"messages": messages, "add_generation_prompt": True})
    return json.loads(tidemill.run("template", model, "--stdin-jsonl", stdin=line + "\n").stdout)["text"]


def test_a_message_is_answered_as_the_template_asks(tidemill, chat_model):
    """As `run` goes on from the rendered prompt, whose <bos> it adds itself."""
    prompt = prompt_of(tidemill, chat_model, [{"role": "user", "content": "Hello"}])
    ran = tidemill.json("run", chat_model, "--prompt", prompt.removeprefix("<bos>"), *GREEDY)
    for how, stdin in ((["--prompt", "Hello"], ""), ([], "Hello"), (["--prompt", "-"], "Hello")):
        said = tidemill.json("chat", chat_model, *how, *GREEDY, stdin=stdin)
        assert said["ids"] == ran["ids"] and said["usage"]["prompt_tokens"] == ran["usage"]["prompt_tokens"]


def test_text_is_streamed_and_summed_up(tidemill, chat_model):
    told = tidemill.json("chat", chat_model, "--prompt", "Hello", *GREEDY)
    done = tidemill.run("chat", chat_model, "--prompt", "Hello", *GREEDY)
    assert done.returncode == 0 and done.stdout == told["text"] + "\n" and "12 new tokens" in done.stderr


def test_a_system_message_that_the_template_refuses(tidemill, chat_model):
    done = tidemill.run("chat", chat_model, "--prompt", "Hello", "--system", "Be kind")
    assert done.returncode != 0 and "roles are user and assistant" in done.stderr and done.stderr.count("\n") == 1


def test_a_model_without_turns_is_refused(tidemill, tiny_model):
    done = tidemill.run("chat", tiny_model, "--prompt", "Hello")
    assert done.returncode == 3 and "has no chat template" in done.stderr and "tidemill run" in done.stderr


def test_gemma_without_a_template_chats(tidemill, gemma_model):
    told = tidemill.json("chat", gemma_model, "--prompt", "What is the capital of France?", *GREEDY)
    assert told["usage"]["prompt_tokens"] == 16
