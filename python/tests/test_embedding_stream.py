"""Streams of embeddings and `aembed`: the vectors of `embed`, for threads and for tasks."""

import asyncio
import threading

import numpy as np
import pytest
import tidemill
from test_embedder import write_folder

TEXT = " ".join(f"w{1 + n % 250}" for n in range(400))


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "bert"
    write_folder(folder)
    return tidemill.Embedder.load(folder, threads=1)


def check(events, embedder, text):
    assert [event.index for event in events] == list(range(len(events)))
    content = text.encode()
    for event in events:
        begin, end = event.bytes
        assert content[begin:end].decode().strip() == event.text
        np.testing.assert_array_equal(event.vector, embedder.embed(event.text))
        assert event.latency_ms >= 0 and event.n_tokens > 0
    assert events[0].tokens[0] == 0 and events[-1].bytes[1] == len(content)


def test_a_thread_writes_and_one_reads(embedder):
    with embedder.stream(chunk_tokens=16) as stream:
        writer = threading.Thread(target=lambda: (stream.write(TEXT), stream.finish()))
        writer.start()
        events = list(stream)
        writer.join()
    check(events, embedder, TEXT)
    assert "".join(event.text for event in events).replace(" ", "") == TEXT.replace(" ", "")
    told = stream.statistics()
    assert told.n_bytes == len(TEXT) and told.n_chunks == len(events) > 20 and told.waiting_chunks == 0


def test_options_reach_the_stream(embedder):
    with embedder.stream(chunk_by="sentence", aggregate="mean", dimensions=8, prompt_name="query") as stream:
        stream.write("W5 w6. W7 w8. W9")
        stream.finish()
        events = list(stream)
    assert [event.text for event in events] == ["W5 w6.", "W7 w8.", "W9"]
    np.testing.assert_array_equal(events[1].vector, embedder.embed("W7 w8.", prompt_name="query", dimensions=8))
    np.testing.assert_array_equal(events[0].aggregate, events[0].vector)
    assert events[2].aggregate.shape == (8,)
    with embedder.stream(max_chunk_ms=1) as stream:
        stream.write("w5 w6 ")
        event = next(stream)  # before its chunk is full
        assert event.aggregate is None and event.text.startswith("w5")


def test_vectors_outlive_their_events(embedder):
    with embedder.stream() as stream:
        stream.write("w5 w6")
        stream.flush()
        stream.finish()
        vector = next(stream).vector
    del stream
    np.testing.assert_array_equal(vector, embedder.embed("w5 w6"))
    assert not vector.flags.writeable


def test_tasks_write_and_read(embedder):
    text = TEXT * 40  # more than the stream takes at once

    async def main():
        async with embedder.astream(chunk_tokens=64, max_text_bytes=32 << 10, max_chunks=4) as stream:

            async def write():
                await stream.write(text)
                stream.finish()

            writer = asyncio.create_task(write())
            events = [event async for event in stream]
            await writer
            return events, stream.statistics()

    events, told = asyncio.run(main())
    check(events[:5], embedder, text[: events[4].bytes[1]])
    assert told.n_bytes == len(text) and told.n_full > 0 and told.most_waiting_bytes <= 40 << 10


def test_a_character_that_is_cut_stays_whole(embedder):
    text = "é" * (40 << 10)  # 80 KiB in words without end

    async def main():
        async with embedder.astream(max_text_bytes=(32 << 10) + 1) as stream:
            writer = asyncio.create_task(stream.write(text))
            async for event in stream:
                assert set(event.text) <= {"é"}
                if writer.done():
                    break

    asyncio.run(asyncio.wait_for(main(), 60))


def test_leaving_a_stream_drops_what_waits(embedder):
    stream = embedder.stream()
    with stream:
        stream.write(TEXT)
    assert list(stream) == []
    stream.write("more")  # dropped


def test_many_tasks_share_passes(embedder):
    texts = [f"w{n} w{n + 1}" for n in range(1, 60)]
    before = embedder.service_statistics()

    async def main():
        return await asyncio.gather(*(embedder.aembed(text) for text in texts), embedder.aembed(texts[:3]), embedder.aembed([]))

    *single, three, none = asyncio.run(main())
    expected = embedder.embed(texts)
    np.testing.assert_array_equal(np.stack(single), expected)
    np.testing.assert_array_equal(three, expected[:3])
    assert none.shape == (0, embedder.dimensions)
    told = embedder.service_statistics()
    assert told.n_texts - before.n_texts == 62 and told.n_passes - before.n_passes < 62 and told.n_tasks == 0


def test_a_cancelled_task_ends_its_work(embedder):
    async def main():
        task = asyncio.create_task(embedder.aembed([TEXT] * 20_000))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(embedder.aembed("w5"), 60)

    np.testing.assert_array_equal(asyncio.run(main()), embedder.embed("w5"))


@pytest.mark.parametrize(
    "options",
    [{"chunk_by": "page"}, {"chunk_tokens": 0}, {"overlap": -1}, {"overlap": 100}, {"max_chunk_ms": float("nan")},
     {"max_wait_ms": -1}, {"prompt_name": "none"}, {"dimensions": 10**6}, {"aggregate": "cut"}, {"aggregate": "fold"},
     {"max_text_bytes": 5}, {"max_chunks": 0}],
)  # fmt: skip
def test_options_that_make_no_sense(embedder, options):
    with pytest.raises(tidemill.ArgumentError):
        embedder.stream(**options)


def test_what_is_refused(embedder):
    with pytest.raises(TypeError):
        embedder.stream(chunk_tokens="many")
    with pytest.raises(TypeError):
        embedder.stream(wrong=1)
    with embedder.stream() as stream, pytest.raises(TypeError):
        stream.write(5)
    with pytest.raises(TypeError):
        asyncio.run(embedder.aembed([5]))
    with pytest.raises(tidemill.ArgumentError):
        asyncio.run(embedder.aembed("w5", prompt_name="none"))
    with pytest.raises(tidemill.ArgumentError):
        asyncio.run(embedder.aembed("w5", dimensions=10**6))
