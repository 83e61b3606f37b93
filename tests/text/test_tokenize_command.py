"""The command `tidemill tokenize`: its answers and how it refuses."""

import json

import pytest


def answers(tidemill, *arguments, lines):
    done = tidemill.run("tokenize", *arguments, stdin="".join(json.dumps(line) + "\n" for line in lines))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_text_is_printed_as_ids(tidemill, tiny_model):
    plain = tidemill.run("tokenize", tiny_model, "--text", "The tide")
    [ids] = [answer["ids"] for answer in answers(tidemill, tiny_model, "--stdin-jsonl", lines=[{"text": "The tide"}])]
    assert [int(word) for word in plain.stdout.split()] == ids
    assert tidemill.json("tokenize", "--tokenizer", tiny_model, "--text", "The tide") == {"ids": ids}


def test_bytes_and_characters_need_no_file(tidemill):
    text = "né\0\U0001f600"
    lines = [{"text": text}]
    [as_bytes] = answers(tidemill, "bytes", "--stdin-jsonl", "--offsets", lines=lines)
    [as_characters] = answers(tidemill, "--tokenizer", "characters", "--stdin-jsonl", "--offsets", lines=lines)
    assert as_bytes["ids"] == list(text.encode())
    assert as_characters == {"ids": [ord(c) for c in text], "offsets": [[k, k + 1] for k in range(len(text))]}
    for name, ids in [("bytes", as_bytes["ids"]), ("characters", as_characters["ids"])]:
        assert answers(tidemill, name, "--decode", "--stdin-jsonl", lines=[{"ids": ids}]) == [{"text": text}]


def test_special_tokens_are_added_unless_refused(tidemill, tiny_model):
    with_bos, without = answers(
        tidemill, tiny_model, "--stdin-jsonl", lines=[{"text": "a"}, {"text": "a", "add_special_tokens": False}]
    )
    assert with_bos["ids"][1:] == without["ids"]
    assert len(with_bos["ids"]) == len(without["ids"]) + 1


def test_offsets_count_characters(tidemill, tiny_model):
    text = "né 😀 x"
    [answer] = answers(tidemill, tiny_model, "--stdin-jsonl", "--offsets", lines=[{"text": text, "add_special_tokens": False}])
    assert len(answer["offsets"]) == len(answer["ids"])
    covered = {position for begin, end in answer["offsets"] for position in range(begin, end)}
    assert covered == set(range(len(text)))


def test_ids_are_decoded_whole_and_streamed(tidemill, tiny_model):
    text = "The tide mill — 潮汐磨坊 😀"
    [encoded] = answers(tidemill, tiny_model, "--stdin-jsonl", lines=[{"text": text}])
    whole, streamed = answers(
        tidemill, tiny_model, "--decode", "--stdin-jsonl", lines=[encoded, {**encoded, "stream": True}]
    )
    assert whole == {"text": text}
    assert len(streamed["chunks"]) == len(encoded["ids"])
    assert streamed["chunks"][0] is None  # <bos>
    assert "".join(chunk or "" for chunk in streamed["chunks"]) == text


def test_bench_counts_what_it_encodes(tidemill, tiny_model, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The tide mill stood.\n" * 500, encoding="utf-8")
    one = tidemill.json("tokenize", tiny_model, "--bench", "--input", path)
    two = tidemill.json("tokenize", tiny_model, "--bench", "--input", path, "--threads", 2, "--repeat")
    assert one["bytes"] == path.stat().st_size
    assert one["threads"] == 1 and two["threads"] == 2
    assert one["tokens"] == two["tokens"] > 500
    assert one["seconds"] > 0 and two["repeat_seconds"] > 0


@pytest.mark.parametrize(
    "arguments, stdin, status, part",
    [
        (["--stdin-jsonl"], "{\n", 3, "line 1"),
        (["--stdin-jsonl"], '{"text":"a"}\n[1]\n', 3, "line 2"),
        (["--stdin-jsonl"], '{"txt":"a"}\n', 3, "text"),
        (["--stdin-jsonl"], '{"text":1}\n', 3, "line 1"),
        (["--decode", "--stdin-jsonl"], '{"ids":[-1]}\n', 2, "-1"),
        (["--decode", "--stdin-jsonl"], '{"ids":[4294967296]}\n', 2, "4294967296"),
        (["--decode", "--stdin-jsonl"], '{"ids":[1.5]}\n', 2, "1.5"),
        (["--decode", "--stdin-jsonl"], '{"ids":[2000000000]}\n', 2, "2000000000"),
        (["--bench"], "", 2, "--input"),
        ([], "", 2, "nothing to do"),
    ],
)
def test_bad_input_is_refused_in_one_line(tidemill, tiny_model, arguments, stdin, status, part):
    done = tidemill.run("tokenize", tiny_model, *arguments, stdin=stdin)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert part in done.stderr


def test_a_file_without_tokenizer_is_refused(tidemill, tmp_path):
    path = tmp_path / "empty.gguf"
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    done = tidemill.run("tokenize", path, "--text", "a")
    assert done.returncode == 3
    assert "tokenizer.ggml.model" in done.stderr
