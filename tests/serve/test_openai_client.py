"""OpenAI's own Python client against `tidemill serve`, as its users call it."""

import concurrent.futures
import json

import numpy as np
import openai
import pytest
from server import serving

PROMPT = "the tide mill"


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)


def test_models(client):
    listed = client.models.list().data
    assert [model.id for model in listed] == ["tiny-chat"]
    assert client.models.retrieve("tiny-chat").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def greedy(client, prompt, n=12, **options):
    return client.completions.create(model="tiny-chat", prompt=prompt, max_tokens=n, temperature=0, **options)


def test_a_completion_is_what_the_command_line_writes(client, tidemill, chat_model):
    told = tidemill.json("run", chat_model, "--prompt", PROMPT, "-n", 12, "--temperature", 0, "--top-k", 0)
    answer = greedy(client, PROMPT)
    assert answer.choices[0].text == told["text"]
    assert answer.usage.prompt_tokens == told["usage"]["prompt_tokens"]
    assert answer.usage.completion_tokens == told["usage"]["completion_tokens"]


def test_a_stream_is_the_completion_in_pieces(client):
    whole = greedy(client, PROMPT)
    chunks = list(greedy(client, PROMPT, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text
    assert [c.choices[0].finish_reason for c in chunks[:-1]].count(None) == len(chunks) - 2
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_several_prompts_and_texts_keep_their_order(client):
    prompts = ["the tide", "a mill", "one"]
    alone = [greedy(client, prompt).choices[0].text for prompt in prompts]
    together = greedy(client, prompts, extra_body={"n": 2})
    assert [choice.index for choice in together.choices] == list(range(6))
    assert [choice.text for choice in together.choices] == [text for text in alone for _ in range(2)]


def test_the_seed_decides_and_texts_of_one_prompt_differ(client):
    def draw(seed):
        answer = client.completions.create(model="tiny-chat", prompt=PROMPT, max_tokens=16, seed=seed, n=3)
        return [choice.text for choice in answer.choices]

    assert draw(7) == draw(7)
    assert len(set(draw(7))) == 3 and draw(7) != draw(8)


def test_stop_strings_end_before_themselves(client):
    text = greedy(client, PROMPT, n=20).choices[0].text
    stop = "aa"
    assert stop in text
    answer = greedy(client, PROMPT, n=20, stop=[stop])
    assert answer.choices[0].text == text[: text.index(stop)] and answer.choices[0].finish_reason == "stop"


def test_logprobs(client):
    answer = greedy(client, PROMPT, n=3, logprobs=2).choices[0].logprobs
    assert len(answer.tokens) == len(answer.token_logprobs) == 3
    for token, logprob, top in zip(answer.tokens, answer.token_logprobs, answer.top_logprobs, strict=True):
        assert len(top) == 2 and max(top.values()) == logprob == top[token] <= 0


def test_echo_repeats_the_prompt(client):
    plain = greedy(client, PROMPT).choices[0].text
    assert greedy(client, PROMPT, echo=True).choices[0].text == PROMPT + plain
    pieces = greedy(client, PROMPT, echo=True, stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == PROMPT + plain


def test_echo_tells_the_log_probabilities_of_the_prompt(client, tidemill, chat_model):
    ids = [2, 5, 9, 17, 5, 9, 17, 30]
    scores = tidemill.logits(chat_model, ids)["logits"]
    expected = [float(np.array(row)[ids[at + 1]] - np.logaddexp.reduce(np.array(row))) for at, row in enumerate(scores[:-1])]
    greedy(client, ids, n=4)  # what is kept of the prompt has no scores
    for n in [0, 4]:
        told = greedy(client, ids, n=n, logprobs=2, echo=True, extra_body={"ignore_eos": True})
        logprobs = told.choices[0].logprobs
        assert len(logprobs.tokens) == len(logprobs.text_offset) == len(ids) + n == told.usage.prompt_tokens + n
        assert logprobs.token_logprobs[0] is None and logprobs.top_logprobs[0] is None
        assert logprobs.token_logprobs[1 : len(ids)] == pytest.approx(expected, abs=2e-2)
        assert all(len(top) >= 2 and max(top.values()) >= own for top, own in
                   zip(logprobs.top_logprobs[1:], logprobs.token_logprobs[1:], strict=True))  # fmt: skip
        assert logprobs.text_offset[:2] == [0, 0]  # the beginning of a text has no characters
    pieces = [piece.choices[0] for piece in greedy(client, ids, n=4, logprobs=2, echo=True, stream=True)]
    assert "".join(piece.text for piece in pieces) == told.choices[0].text
    streamed = [piece.logprobs for piece in pieces if piece.logprobs]
    for field in ["tokens", "token_logprobs", "text_offset"]:
        assert [entry for logprobs in streamed for entry in getattr(logprobs, field)] == getattr(told.choices[0].logprobs, field)


def test_offsets_count_characters(client):
    answer = greedy(client, "über Öl", n=6, logprobs=0, echo=True).choices[0]
    for token, offset in zip(answer.logprobs.tokens, answer.logprobs.text_offset, strict=True):
        assert token.startswith(("bytes:", "<bos>")) or answer.text[offset:].startswith(token)


MESSAGES = [{"role": "user", "content": "what is a mill?"}]


def test_a_chat_goes_on_from_what_the_template_makes(client, server, tidemill, chat_model):
    line = json.dumps({"messages": MESSAGES, "add_generation_prompt": True})
    rendered = json.loads(tidemill.run("template", chat_model, "--stdin-jsonl", stdin=line + "\n").stdout)["text"]
    ids = server.ask("POST", "/tokenize", {"content": rendered, "add_special": False})[2]["tokens"]
    answer = client.chat.completions.create(model="tiny-chat", messages=MESSAGES, max_completion_tokens=10, temperature=0)
    assert answer.usage.prompt_tokens == len(ids)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content == greedy(client, ids, n=10).choices[0].text


def test_a_streamed_chat(client):
    ask = {"model": "tiny-chat", "messages": MESSAGES, "max_tokens": 10, "temperature": 0}
    whole = client.chat.completions.create(**ask, logprobs=True, top_logprobs=3)
    chunks = list(client.chat.completions.create(**ask, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    content = whole.choices[0].logprobs.content
    assert len(content) == 10 and all(len(token.top_logprobs) == 3 for token in content)


def test_what_a_template_refuses_is_a_bad_request(client):
    with pytest.raises(openai.BadRequestError, match="roles are user and assistant"):
        client.chat.completions.create(model="tiny-chat", messages=[{"role": "robot", "content": "x"}])


def test_many_at_once_get_what_each_gets_alone(client):
    prompts = [f"{PROMPT} {index}" for index in range(24)]
    alone = [greedy(client, prompt).choices[0].text for prompt in prompts]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        assert list(pool.map(lambda prompt: greedy(client, prompt).choices[0].text, prompts)) == alone


def test_a_prompt_that_begins_alike_is_not_read_again(client):
    prompt = [2] + [5 + index % 50 for index in range(200)]
    greedy(client, prompt, n=2)
    again = greedy(client, prompt + [7, 8, 9], n=2)
    assert again.usage.prompt_tokens_details.cached_tokens >= 200


def test_keys(tidemill, tiny_model, tmp_path):
    keys = tmp_path / "keys.txt"
    keys.write_text("# who may ask\nalice:0123456789abcdef-alice\n0123456789abcdef-bob\n")
    with serving(tidemill, tiny_model, "--api-key-file", keys) as server:
        for key in ["0123456789abcdef-alice", "0123456789abcdef-bob"]:
            assert openai.OpenAI(base_url=server.url + "/v1", api_key=key).models.list().data
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=server.url + "/v1", api_key="0123456789abcdef-eve").models.list()
        assert server.ask("GET", "/health")[0] == 200
        status, headers, answer = server.ask("GET", "/v1/models")
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and answer["error"]["code"] == "invalid_api_key"
        assert all("0123456789abcdef" not in line for line in server.lines)
