"""Chats with models whose files have no template: turns as the tokens of the vocabulary show that it was trained on."""

import re

import pytest
from scripted_model import write_scripted_model
from server import serving

MESSAGES = [
    {"role": "system", "content": " Be kind. "},
    {"role": "user", "content": "Hi!"},
    {"role": "assistant", "content": "Good day"},
    {"role": "user", "content": "Go on"},
]
# Special tokens -> the prompt of these messages.
FAMILIES = {
    "gemma": (
        ["<start_of_turn>", "<end_of_turn>"],
        "<start_of_turn>user\nBe kind.\n\nHi!<end_of_turn>\n<start_of_turn>model\nGood day<end_of_turn>\n"
        "<start_of_turn>user\nGo on<end_of_turn>\n<start_of_turn>model\n",
    ),
    "chatml": (
        ["<|im_start|>", "<|im_end|>"],
        "<|im_start|>system\n Be kind. <|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\nGood day<|im_end|>\n"
        "<|im_start|>user\nGo on<|im_end|>\n<|im_start|>assistant\n",
    ),
    "llama3": (
        ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nGood day<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nGo on<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "none": ([], None),
}  # fmt: skip


@pytest.fixture(scope="module")
def families(tidemill, tmp_path_factory):
    folder = tmp_path_factory.mktemp("usual")
    for name, (marks, _) in FAMILIES.items():
        write_scripted_model(folder / f"{name}.gguf", None, {}, marks)
    models = [word for name in FAMILIES for word in ("--model", f"{name}={folder / name}.gguf")]
    with serving(tidemill, *models, "--threads", "1", "--ctx", "512") as running:
        yield running


@pytest.mark.parametrize("name", [name for name, (marks, _) in FAMILIES.items() if marks])
def test_turns_are_those_of_the_vocabulary(families, name):
    marks, text = FAMILIES[name]
    status, _, answer = families.ask("POST", "/v1/chat/completions", {"model": name, "messages": MESSAGES, "max_tokens": 1})
    assert status == 200, answer
    # Every mark is a token, and every other byte: the vocabulary's only merge is of "he".
    n_marks = sum(text.count(mark) for mark in marks)
    between = re.split("|".join(map(re.escape, marks)), text)
    assert not any("he" in part for part in between)
    assert answer["usage"]["prompt_tokens"] == n_marks + sum(map(len, between))


def test_a_vocabulary_without_turns_has_no_chats(families):
    status, _, answer = families.ask("POST", "/v1/chat/completions", {"model": "none", "messages": MESSAGES})
    assert status == 400 and answer["error"]["code"] == "no_chat_template"
