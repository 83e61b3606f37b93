"""`tidemill embed --input x.parquet` beside pyarrow: what it writes is read, what tidemill writes is read; and hostile files."""

import json
import random
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_files import KINDS, table_of, texts_of, write
from sentence_folders import make_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("model") / "model")


def vectors_of(tidemill, model, texts):
    given = [text for text in texts if text is not None]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in given)
    done = tidemill.run("embed", model, "--stdin-jsonl", stdin=lines)
    assert done.returncode == 0, done.stderr
    vectors = iter([np.array(json.loads(line)["embedding"], dtype=np.float32) for line in done.stdout.splitlines()])
    return [None if text is None else next(vectors) for text in texts]


def run(tidemill, model, source, target, *arguments):
    return tidemill.run("embed", model, "--input", source, "--output", target, *arguments)


def embedded(tidemill, model, source, target, *arguments):
    done = run(tidemill, model, source, target, *arguments)
    assert done.returncode == 0, done.stderr
    return pq.ParquetFile(target / source.name)


def expect_vectors(tidemill, model, column, texts):
    expected = vectors_of(tidemill, model, texts)
    found = column.to_pylist()
    assert [one is None for one in found] == [one is None for one in expected]
    for one, other in zip(found, expected, strict=True):
        if one is not None:
            np.testing.assert_array_equal(np.array(one, dtype=np.float32), other)


@pytest.mark.parametrize("required", [False, True], ids=["optional", "required"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_pyarrow_writes(tidemill, model, tmp_path, kind, required):
    texts = texts_of(60, n_nulls_in_ten=0 if required else 3)
    table = table_of(texts, required)
    source = write(tmp_path / "in" / f"{kind}.parquet", table, **KINDS[kind])
    found = embedded(tidemill, model, source, tmp_path / "out")
    result = found.read()
    before = pq.ParquetFile(source)
    assert found.num_row_groups == before.num_row_groups and found.metadata.num_rows == 60
    assert found.metadata.created_by == before.metadata.created_by
    assert result.column_names == [*table.column_names, "embedding"]
    again = before.read()
    for name in table.column_names:
        assert result[name].to_pylist() == again[name].to_pylist(), name
    assert result.schema.field("embedding").type.value_type == pa.float32()
    expect_vectors(tidemill, model, result["embedding"], texts)
    # Statistics come along, so that readers can still skip row groups.
    if kind != "no_statistics":
        assert found.metadata.row_group(0).column(0).statistics.min == 0


def test_a_column_in_a_group_and_other_names(tidemill, model, tmp_path):
    texts = texts_of(25)
    source = write(tmp_path / "in/a.parquet", table_of(texts))
    result = embedded(tidemill, model, source, tmp_path / "out", "--column", "at.title", "--output-column", "v").read()
    titles = [text if i % 4 else None for i, text in enumerate(texts)]
    expect_vectors(tidemill, model, result["v"], titles)


@pytest.mark.parametrize("texts", [[], [None] * 5, ["", ""], ["one"], ["mill " * 20000, None, "x"]])
def test_few_rows(tidemill, model, tmp_path, texts):
    source = write(tmp_path / "in/a.parquet", pa.table({"text": pa.array(texts, pa.string())}))
    result = embedded(tidemill, model, source, tmp_path / "out").read()
    expect_vectors(tidemill, model, result["embedding"], texts)


def test_many_rows_of_which_few_have_texts(tidemill, model, tmp_path):
    texts = [("mill " * (i % 3) if i % 20 == 0 else None) for i in range(20000)]
    source = write(tmp_path / "in/a.parquet", pa.table({"text": texts}), row_group_size=9000)
    result = embedded(tidemill, model, source, tmp_path / "out").read()
    expect_vectors(tidemill, model, result["embedding"], texts)


def test_row_groups_without_rows(tidemill, model, tmp_path):
    path = tmp_path / "in/a.parquet"
    path.parent.mkdir()
    schema = pa.schema([("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for texts in [[], ["a", None], [], ["b"], []]:
            writer.write_table(pa.table({"text": texts}, schema))
    found = embedded(tidemill, model, path, tmp_path / "out")
    expect_vectors(tidemill, model, found.read()["embedding"], ["a", None, "b"])


def test_large_and_other_kinds_of_texts(tidemill, model, tmp_path):
    columns = {
        "large": pa.array(["a", "mill"], pa.large_string()), "categories": pa.array(["a", "a"]).dictionary_encode(),
        "bytes": pa.array([b"tide", b"\xff"], pa.binary()), "view": pa.array(["x", "mill"], pa.string_view()),
    }  # fmt: skip
    source = write(tmp_path / "in/a.parquet", pa.table(columns))
    for name, texts in [("large", ["a", "mill"]), ("categories", ["a", "a"]), ("bytes", ["tide", "\ufffd"]), ("view", ["x", "mill"])]:
        result = embedded(tidemill, model, source, tmp_path / name, "--column", name).read()
        expect_vectors(tidemill, model, result["embedding"], texts)


@pytest.mark.parametrize(
    "column, options, words",
    [
        ("nothing", {}, "has no column 'nothing'; name one of: id, flag"), ("id", {}, "holds no texts"), ("price", {}, "holds no texts"),
        ("tags", {}, "is a list or a group"), ("tags.list.element", {}, "is in a list"), ("at", {}, "is a list or a group"), ("blob", {}, "holds no texts"),
        ("text", {"compression": "brotli"}, "brotli"), ("text", {"compression": "lz4"}, "lz4_raw"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(tidemill, model, tmp_path, column, options, words):
    source = write(tmp_path / "in/a.parquet", table_of(texts_of(10)), **options)
    done = run(tidemill, model, source, tmp_path / "out", "--column", column)
    assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_column_of_the_name_of_the_vectors(tidemill, model, tmp_path):
    source = write(tmp_path / "in/a.parquet", table_of(texts_of(10)))
    for name in ("text", "at"):
        done = run(tidemill, model, source, tmp_path / name, "--output-column", name)
        assert done.returncode == 2 and f"has a column '{name}' already" in done.stderr


def test_encrypted_footers_and_files_that_are_none(tidemill, model, tmp_path):
    content = write(tmp_path / "good.parquet", table_of(texts_of(10))).read_bytes()
    (tmp_path / "in").mkdir()
    for damaged, words in [
        (content[:-4] + b"PARE", "encrypted"), (b"PARE" + content[4:-4] + b"PARE", "encrypted"), (content[:-1], "does not end"),
        (content[4:], "no Parquet file"), (b"PAR1", "no Parquet file"), (b"PAR1" + struct.pack("<I", 1000) + b"PAR1", "longer than the file"),
        (b"PAR1" + struct.pack("<I", 0) + b"PAR1", "ends too early"), (b"x" * 100, "no Parquet file"), (b"", "a.parquet"),
    ]:  # fmt: skip
        (tmp_path / "in/a.parquet").write_bytes(damaged)
        done = run(tidemill, model, tmp_path / "in", tmp_path / "out")
        assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_damaged_files_never_crash_it(tidemill, model, tmp_path):
    """Bytes that are changed, in pages and in the footer: one line and status 3, or a file that pyarrow reads."""
    rng = random.Random(11)
    content = write(tmp_path / "good.parquet", table_of(texts_of(40)), row_group_size=15, compression="none").read_bytes()
    n_footer = struct.unpack("<I", content[-8:-4])[0]
    n_refused = 0
    for case in range(150):
        bad = bytearray(content)
        begin = len(bad) - 8 - n_footer if case % 2 else 4
        for _ in range(rng.choice([1, 1, 2, 8])):
            bad[rng.randrange(begin, len(bad) - 8)] = rng.choice([0, 255, rng.randrange(256)])
        source = tmp_path / f"in{case}/a.parquet"
        source.parent.mkdir()
        source.write_bytes(bad)
        done = run(tidemill, model, source, tmp_path / f"out{case}", "--threads", 1)
        assert done.returncode in (0, 2, 3) and done.stderr.count("\n") == (done.returncode != 0), (case, done.returncode, done.stderr)
        n_refused += done.returncode != 0
    assert n_refused > 20


def test_memory_does_not_grow_with_the_file(tidemill, model, tmp_path):
    sizes = []
    rng = random.Random(3)
    for n in (500, 6000):
        more = [rng.randbytes(10000) for _ in range(n)]
        source = write(tmp_path / f"{n}.parquet", pa.table({"text": ["a"] * n, "more": more}), compression="none", use_dictionary=False)
        done = run(tidemill, model, source, tmp_path / f"out{n}", "--json")
        sizes.append(json.loads(done.stdout)["peak_rss_bytes"])
        source.unlink()
    assert sizes[1] < sizes[0] + (16 << 20), sizes


def test_a_file_that_claims_much(tidemill, model, tmp_path):
    """A page that claims 256 MiB where there are few bytes."""
    table = pa.table({"text": ["mill " * 1000] * 50})
    content = bytearray(write(tmp_path / "good.parquet", table, compression="zstd", use_dictionary=False).read_bytes())
    (tmp_path / "in").mkdir()
    position = content.index(b"\x15", 4)  # the page header: type, then its two sizes
    assert content[position : position + 3] == b"\x15\x00\x15"
    claimed = content[:7] + b"\xfe\xff\xff\xff\x01" + content[7:]  # the size unpacked, in more bytes; the rest moves
    (tmp_path / "in/a.parquet").write_bytes(claimed)
    done = run(tidemill, model, tmp_path / "in", tmp_path / "out", "--threads", 1)
    assert done.returncode == 3 and done.stderr.count("\n") == 1
