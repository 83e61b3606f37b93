"""Engine: texts, streams, asyncio, threads, signals."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tidemill
from conftest import GOLDEN

GREEDY = {"temperature": 0, "max_tokens": 12, "ignore_eos": True}


def test_a_stream_is_the_text_in_pieces(engine):
    result = engine.generate("the tide", **GREEDY)
    with engine.stream("the tide", **GREEDY) as stream:
        assert "".join(piece.text for piece in stream) == result.text
        assert stream.result.ids == result.ids and list(stream) == []
    assert len(result.ids) == result.usage.completion_tokens == 12 and result.finish_reason == "length"
    assert str(result) == result.text


def test_ids_are_a_prompt_too(engine):
    ids = engine.tokenizer.encode("the tide")
    assert engine.generate(ids, **GREEDY).ids == engine.generate("the tide", **GREEDY).ids


def test_options_reach_the_engine(engine):
    first = engine.generate("the tide", **GREEDY).ids[0]
    assert engine.generate("the tide", logit_bias={first: -100}, **GREEDY).ids[0] != first
    text = engine.generate("x", grammar='root ::= "mill" | "tide"', temperature=0).text
    assert text in ("mill", "tide")
    document = engine.generate("x", json_schema={"type": "object", "properties": {"a": {"type": "boolean"}},
                                                 "required": ["a"], "additionalProperties": False}, seed=3).text  # fmt: skip
    assert isinstance(json.loads(document)["a"], bool)
    seeded = [engine.generate("the tide", seed=seed, temperature=2.0, top_k=0, max_tokens=8).ids for seed in (1, 1, 2)]
    assert seeded[0] == seeded[1] != seeded[2]
    piece = next(engine.stream("the tide", logprobs=3, **GREEDY))
    assert len(piece.logprobs) == 4 and piece.logprobs[0].id == piece.id and piece.logprobs[1].logprob >= piece.logprobs[2].logprob


def test_tasks_are_written_together(engine):
    prompts = ["the tide", "a mill", "x", "the mill and the tide"]

    async def all_of_them():
        return await asyncio.gather(*(engine.agenerate(prompt, **GREEDY) for prompt in prompts))

    assert [result.ids for result in asyncio.run(all_of_them())] == [engine.generate(prompt, **GREEDY).ids for prompt in prompts]


def test_an_asynchronous_stream(engine):
    async def collect():
        stream = engine.astream("the tide", **GREEDY)
        pieces = [piece.text async for piece in stream]
        return pieces, stream.result

    pieces, result = asyncio.run(collect())
    assert "".join(pieces) == result.text == engine.generate("the tide", **GREEDY).text


@pytest.fixture(scope="module")
def endless():
    """A model that writes on until somebody stops it, one text at a time; it has no tokenizer."""
    return tidemill.Engine.load(GOLDEN / "models/rwkv7", threads=1, max_running=1)


def test_a_cancelled_task_ends_the_work(endless):

    async def cancel_one():
        task = asyncio.create_task(endless.agenerate([5, 6]))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(endless.agenerate([7], **GREEDY), 60)  # the only place is free again

    assert asyncio.run(cancel_one()).finish_reason == "length"


def test_leaving_a_stream_ends_the_work(endless):
    with endless.stream([5, 6]) as stream:
        assert stream.result is None
        next(stream)
    assert stream.wait().finish_reason == "cancelled"


def test_threads_get_what_they_would_get_alone(engine):
    expected = engine.generate("the tide", **GREEDY).ids
    found = []
    threads = [threading.Thread(target=lambda: found.append(engine.generate("the tide", **GREEDY).ids)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


INTERRUPTED = """
import signal, sys, tidemill
signal.signal(signal.SIGINT, signal.default_int_handler)  # who starts the tests may have ignored it
engine = tidemill.Engine.load(sys.argv[1], threads=1)
print("ready", flush=True)
try:
    engine.generate([5, 6])
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_raises():
    model = str(GOLDEN / "models/rwkv7")
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, model], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(60) == 0


def test_chat_follows_the_template(tmp_path, engine):
    with pytest.raises(tidemill.ModelError, match="chat template"):
        engine.chat([{"role": "user", "content": "hello"}])
    folder = tmp_path / "chat"
    folder.mkdir()
    for file in (GOLDEN / "models/qwen2-bias-tied").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": {f"w{id}": id for id in range(270)}, "unk_token": "w0"}}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    template = "{% for message in messages %}{{ message.content }} {% endfor %}{% if tools %}w7{% endif %}"
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    chat = tidemill.Engine.load(folder, threads=1)
    assert chat.chat_prompt([{"role": "user", "content": "w5"}]) == "w5 "
    assert chat.chat_ids([{"role": "user", "content": "w5"}], tools=[{"type": "function"}]) == [5, 7]
    assert chat.chat([{"role": "user", "content": "w5"}], **GREEDY).ids == chat.generate([5], **GREEDY).ids


def test_rows_of_an_embedding_without_a_token_have_no_text(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN / "models/qwen2-bias-tied", folder)  # 270 rows
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": {f"w{id}": id for id in range(256)}, "unk_token": "w0"}}  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    engine = tidemill.Engine.load(folder, threads=1)
    result = engine.generate("w5", logit_bias={260: 1000.0}, logprobs=2, **GREEDY)
    assert result.ids == [260] * 12 and result.text == ""


def test_scores_are_those_of_the_reference():
    folder = GOLDEN / "models/llama-gqa-untied"
    engine = tidemill.Engine.load(folder, threads=1, precision="f32")
    case = json.loads((folder / "truth.json").read_text())["cases"][1]
    expected = np.load(folder / case["out"])
    found = engine.logits(case["ids"])
    assert found.dtype == np.float32 and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.ptp(expected), rtol=0)


@pytest.mark.parametrize(
    "call, kind",
    [
        (lambda engine: engine.generate(""), tidemill.ArgumentError),
        (lambda engine: engine.generate("x", temperature=-1), ValueError),
        (lambda engine: engine.generate([10**6]), tidemill.ArgumentError),
        (lambda engine: engine.generate("x", temperature="warm"), TypeError),
        (lambda engine: engine.generate("x", wrong=1), TypeError),
        (lambda engine: engine.generate(5), TypeError),
        (lambda engine: engine.generate("x", grammar="root ::= ("), tidemill.ArgumentError),
        (lambda engine: engine.generate("x " * 5000), tidemill.ContextFull),
        (lambda engine: engine.logits([]), tidemill.ArgumentError),
        (lambda engine: engine.embed("x"), tidemill.ModelError),
        (lambda engine: tidemill.Engine.load("/no/such/model.gguf"), tidemill.NotFound),
        (lambda engine: tidemill.Engine.load(__file__), tidemill.FormatError),
        (lambda engine: tidemill.Engine.load(engine.path, precision="f8"), tidemill.ArgumentError),
    ],
)
def test_what_is_refused(engine, call, kind):
    with pytest.raises(kind) as refused:
        call(engine)
    assert "\n" not in str(refused.value) or isinstance(refused.value, TypeError)
    if isinstance(refused.value, tidemill.Error):
        assert refused.value.code and refused.value.thing
