"""Errors: a class for each kind, with the file and the tensor that the message names."""

import struct

import pytest
import tidemill
from tidemill import errors


@pytest.mark.parametrize("kind, also", [
    (tidemill.ArgumentError, ValueError), (tidemill.ShapeError, ValueError), (tidemill.NotFound, LookupError),
    (tidemill.ModelError, tidemill.FormatError), (tidemill.TokenizerError, tidemill.FormatError),
    (tidemill.OutOfMemory, MemoryError), (tidemill.ContextFull, ValueError), (tidemill.InputOutputError, OSError),
])  # fmt: skip
def test_kinds(kind, also):
    error = kind("model.gguf: is damaged; fetch it again")
    assert isinstance(error, tidemill.Error) and isinstance(error, also) and str(error).startswith("model.gguf: ")
    assert error.thing == "model.gguf" and isinstance(error.code, str)


def test_of_each_code_of_the_library():
    for code, kind in (("invalid_argument", tidemill.ArgumentError), ("bad_file", tidemill.FormatError), ("io", OSError),
                       ("internal", tidemill.Error), ("no such code", tidemill.Error)):  # fmt: skip
        assert isinstance(errors.of_code(code, "x: y"), kind)


def test_file_and_tensor():
    error = tidemill.FormatError("folder/model.gguf: tensor 'blk.0.wq': offset 16 is not a multiple of 32; fetch it again")
    assert error.file == "folder/model.gguf" and error.tensor == "blk.0.wq"
    assert tidemill.ArgumentError("threads: -1 is below 0").file is None
    assert tidemill.Error("nothing").file is None and tidemill.Error("nothing").tensor is None


def test_of_a_damaged_model(tmp_path):
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(tidemill.FormatError) as caught:
        tidemill.delta.diff(path, path)
    assert caught.value.file == str(path) and caught.value.tensor == "w"
