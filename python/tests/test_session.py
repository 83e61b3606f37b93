"""Session: one text and its state; PromptCache: states on disk."""


import numpy as np
import pytest
import tidemill
from conftest import GOLDEN
from shared import interrupted_after

GREEDY = {"temperature": 0, "max_tokens": 12, "ignore_eos": True}
IDS = [5, 17, 230, 9, 44, 101]


@pytest.fixture(scope="module")
def llama():
    return tidemill.Engine.load(GOLDEN / "models/llama-gqa-untied", threads=1)


@pytest.fixture(scope="module")
def endless():
    """A model that writes on until somebody stops it."""
    return tidemill.Engine.load(GOLDEN / "models/rwkv7", threads=1)


def test_what_is_held_is_not_computed_again(engine):
    session = engine.session()
    first = session.generate("the tide", **GREEDY)
    assert first.text == engine.generate("the tide", **GREEDY).text
    longer = engine.tokenizer.encode("the tide") + first.ids
    second = session.generate(longer, **GREEDY)
    assert second.ids == engine.generate(longer, **GREEDY).ids
    assert second.usage.cached_tokens == len(longer) - 1
    assert len(session) >= len(longer)


def test_pieces_are_the_text(engine):
    pieces = []
    result = engine.session().generate("the tide", on_piece=pieces.append, logprobs=2, **GREEDY)
    assert "".join(piece.text for piece in pieces) == result.text and len(pieces[0].logprobs) == 3


def test_scores_piece_by_piece_are_those_of_the_whole(llama):
    whole = llama.logits(IDS)
    session = tidemill.Session(llama)
    np.testing.assert_array_equal(session.append(IDS[:2]), whole[1])
    np.testing.assert_array_equal(session.score(IDS[2:]), whole[2:])
    assert len(session) == len(IDS)
    session.truncate(3)
    np.testing.assert_array_equal(session.append([IDS[3]]), whole[3])


def test_many_scores_are_computed_in_pieces(llama):
    ids = IDS * 8
    whole, session = llama.logits(ids), llama.session()
    np.testing.assert_array_equal(np.stack([session.append([id]) for id in ids]), whole)


def test_forks_go_their_own_ways(llama):
    session = llama.session()
    session.append(IDS[:3])
    other = session.fork()
    np.testing.assert_array_equal(other.append([IDS[3]]), session.append([IDS[3]]))
    other.append([1])
    assert (len(other), len(session)) == (5, 4)


def test_states_are_saved_and_restored(llama, endless, tmp_path):
    for engine in (llama, endless):
        session = engine.session()
        session.append(IDS[:4])
        session.save(tmp_path / "state")
        restored = engine.session()
        restored.restore(tmp_path / "state")
        assert len(restored) == 4
        np.testing.assert_array_equal(restored.append(IDS[4:]), session.append(IDS[4:]))


def test_a_state_that_is_damaged_or_of_another_model_is_refused(llama, endless, tmp_path):
    session = llama.session()
    session.append(IDS)
    session.save(tmp_path / "state")
    with pytest.raises(tidemill.FormatError):
        endless.session().restore(tmp_path / "state")
    content = bytearray((tmp_path / "state").read_bytes())
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    with pytest.raises(tidemill.FormatError):
        session.restore(tmp_path / "cut")
    assert len(session) == 0
    with pytest.raises(tidemill.Error):
        session.restore(tmp_path / "none")
    with pytest.raises(tidemill.NotFound):
        session.save(tmp_path / "no/such/folder/state")


def test_a_session_at_work_refuses_other_calls(endless):
    session, refused = endless.session(), []

    def enter(piece):
        for call in (lambda: session.generate([5]), lambda: len(session), lambda: session.append([5]), session.fork):
            with pytest.raises(tidemill.ArgumentError, match="at work"):
                call()
        refused.append(piece.id)

    session.generate([5, 6], on_piece=enter, max_tokens=2)
    assert len(refused) == 2


def test_what_a_function_raises_ends_the_work(endless):
    session = endless.session()

    def stop(piece):
        raise OSError("enough")

    with pytest.raises(OSError, match="enough"):
        session.generate([5, 6], on_piece=stop)
    assert session.generate([7], max_tokens=2).finish_reason == "length"


@pytest.mark.parametrize("asks", ["generate", "logits"])
def test_ctrl_c_ends_the_work(endless, asks):
    with interrupted_after(0.3):
        if asks == "generate":
            endless.session().generate([5, 6])
        else:
            while True:
                endless.logits([5] * 1_000)


def test_prompts_are_kept_on_disk(engine, tmp_path):
    ids = engine.tokenizer.encode("the tide mill stood where the river meets the sea")
    expected = engine.generate(ids, **GREEDY)
    first, cache = engine.session(), tidemill.PromptCache(engine, f"{tmp_path}/prompts/")
    assert cache.load(first, ids) == 0
    assert first.generate(ids, **GREEDY).ids == expected.ids
    cache.store(first, ids)
    second, cache = engine.session(), tidemill.PromptCache(engine, tmp_path / "prompts")
    assert cache.load(second, ids) == len(ids) - 1
    result = second.generate(ids, **GREEDY)
    assert result.ids == expected.ids and result.usage.cached_tokens == len(ids) - 1


def test_a_cache_that_cannot_be_used_is_told_of(engine, tmp_path):
    notes, file = [], tmp_path / "prompt"
    file.write_bytes(b"my own notes, not a state")
    cache = tidemill.PromptCache(engine, file, on_note=notes.append)
    session = engine.session()
    assert cache.load(session, [5, 6]) == 0
    session.generate([5, 6], max_tokens=1)
    cache.store(session, [5, 6])
    assert file.read_bytes() == b"my own notes, not a state"
    assert notes and all("\n" not in note for note in notes)
    tidemill.PromptCache(engine, file).load(engine.session(), [5, 6])  # nobody is told


def test_what_is_refused(engine, tmp_path):
    session = engine.session()
    for call, kind in (
        (lambda: session.append([]), tidemill.ArgumentError),
        (lambda: session.append([10**8]), tidemill.ArgumentError),
        (lambda: session.score(["a"]), TypeError),
        (lambda: session.truncate(-1), tidemill.ArgumentError),
        (lambda: session.generate("x", on_piece=5), TypeError),
        (lambda: session.generate("x", temperature=-1), tidemill.ArgumentError),
        (lambda: session.restore(5), TypeError),
        (lambda: tidemill.PromptCache(engine, ""), tidemill.ArgumentError),
        (lambda: tidemill.PromptCache(engine, tmp_path, max_bytes=0), tidemill.ArgumentError),
        (lambda: tidemill.PromptCache(engine, tmp_path).load(5, [1]), TypeError),
        (lambda: tidemill.Session(tidemill.Engine.load(GOLDEN / "models/bert")), tidemill.ModelError),
    ):
        with pytest.raises(kind):
            call()
