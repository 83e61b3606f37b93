"""Tiny encoders as GGUF, laid out as llama.cpp's converter does it: its own map of names, its keys."""

import json
import pathlib

import gguf
import numpy as np
from encoder_numpy import read_safetensors

ARCHITECTURES = {
    "BertModel": gguf.MODEL_ARCH.BERT,
    "RobertaModel": gguf.MODEL_ARCH.BERT,
    "NomicBertModel": gguf.MODEL_ARCH.NOMIC_BERT,
    "ModernBertModel": gguf.MODEL_ARCH.MODERN_BERT,
    "T5EncoderModel": gguf.MODEL_ARCH.T5ENCODER,
}


def write(folder, path):
    """`folder`'s model as a GGUF at `path`, weights in f32 and no tokenizer."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES[config["architectures"][0]]

    def field(*names):
        return next(config[name] for name in names if name in config)

    n_layers = field("num_hidden_layers", "num_layers")
    skipped = config["pad_token_id"] + 1 if config["model_type"] == "roberta" else 0
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    writer.add_context_length(config.get("max_position_embeddings", 512 + skipped) - skipped)
    writer.add_embedding_length(field("hidden_size", "d_model"))
    writer.add_feed_forward_length(field("intermediate_size", "d_ff"))
    writer.add_block_count(n_layers)
    writer.add_head_count(field("num_attention_heads", "num_heads"))
    writer.add_layer_norm_eps(field("layer_norm_eps", "norm_eps", "layer_norm_epsilon"))
    writer.add_causal_attention(False)
    if architecture == gguf.MODEL_ARCH.NOMIC_BERT:
        writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    if architecture == gguf.MODEL_ARCH.MODERN_BERT:
        writer.add_rope_freq_base(config["global_rope_theta"])
        writer.add_float32("modern-bert.rope.freq_base_swa", config["local_rope_theta"])
        writer.add_sliding_window(config["local_attention"])
        writer.add_sliding_window_pattern(config["global_attn_every_n_layers"])
    if architecture == gguf.MODEL_ARCH.T5ENCODER:
        writer.add_layer_norm_rms_eps(config["layer_norm_epsilon"])
        writer.add_key_length(config["d_kv"])
        writer.add_value_length(config["d_kv"])
        writer.add_relative_attn_buckets_count(config["relative_attention_num_buckets"])
    writer.add_tokenizer_model("no_vocab")
    names = gguf.get_tensor_name_map(architecture, n_layers)
    for name, weight in read_safetensors(folder / "model.safetensors").items():
        if name.startswith("pooler."):
            continue
        if name == "embeddings.position_embeddings.weight":
            weight = weight[skipped:]
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), np.ascontiguousarray(weight, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
