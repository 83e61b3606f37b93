"""GGUF files that hold nothing but a vocabulary, as llama.cpp's converters write them."""

import gguf


def write_vocabulary(path, kind, tokens, types, scores=None, **keys):
    """`keys`: arguments of GGUFWriter.add_KEY, such as bos_token_id=1."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if scores is not None:
        writer.add_token_scores(scores)
    for key, value in keys.items():
        getattr(writer, f"add_{key}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def token_type(model, index, user_defined):
    """Of a piece of sentencepiece's model; `user_defined`: names that it does not tell from others."""
    if model.is_unknown(index):
        return gguf.TokenType.UNKNOWN
    if model.is_control(index):
        return gguf.TokenType.CONTROL
    if model.is_byte(index):
        return gguf.TokenType.BYTE
    return gguf.TokenType.USER_DEFINED if model.id_to_piece(index) in user_defined else gguf.TokenType.NORMAL


def write_sentencepiece(path, kind, model, user_defined=(), **keys):
    pieces = [model.id_to_piece(index) for index in range(model.get_piece_size())]
    types = [token_type(model, index, user_defined) for index in range(len(pieces))]
    # Converters spell the spaces of user-defined tokens as spaces.
    names = [p.replace("\u2581", " ") if t == gguf.TokenType.USER_DEFINED else p for p, t in zip(pieces, types, strict=True)]
    scores = [float(model.get_score(index)) for index in range(len(pieces))]
    write_vocabulary(path, kind, names, types, scores, eos_token_id=model.eos_id(), unk_token_id=model.unk_id(), **keys)
