"""Random weights to measure with, in many formats: speed does not depend on what weights say. A model's name is its
format, for the shape of a small Llama (246 million weights, larger than caches, so that decoding reads memory), or has
another shape in front: 1.24G-Q4_0 for a Llama of 1.24 billion weights with a tied head, rwkv7-Q4_0 and mamba-Q4_0 for
190 and 130 million weights. Floats are written here, formats of blocks by `tidemill quantize`; AWQ and GPTQ are folders
(4 bits with zeros, groups of 128, the output matrix too).
"""

import dataclasses
import json
import pathlib

import gguf
import numpy as np
import recurrent_models
from measuring import RELEASE, call
from safetensors.numpy import save_file

FLOATS = ("F32", "F16", "BF16")
BLOCKS = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS")
FOLDERS = ("AWQ", "GPTQ")
GROUP = 128
RECURRENT_SIZE = (12, 768, 50304)  # layers, width, vocabulary


@dataclasses.dataclass(frozen=True)
class Shape:
    file: str  # what its files begin with
    n_layers: int
    d_model: int
    d_ff: int
    n_heads: int
    n_kv_heads: int
    vocab: int
    is_tied: bool

    def matrices(self):
        """Name and shape of every matrix."""
        d_kv = self.d_model // self.n_heads * self.n_kv_heads
        yield "token_embd", (self.vocab, self.d_model)
        if not self.is_tied:
            yield "output", (self.vocab, self.d_model)
        for layer in range(self.n_layers):
            for name, n, k in [
                ("attn_q", self.d_model, self.d_model), ("attn_k", d_kv, self.d_model), ("attn_v", d_kv, self.d_model),
                ("attn_output", self.d_model, self.d_model), ("ffn_gate", self.d_ff, self.d_model),
                ("ffn_up", self.d_ff, self.d_model), ("ffn_down", self.d_model, self.d_ff),
            ]:  # fmt: skip
                yield f"blk.{layer}.{name}", (n, k)


SMALL = Shape("llama", 16, 1024, 2816, 16, 4, 32000, is_tied=False)
SHAPES = {"1.24G": Shape("llama-1.24g", 16, 2048, 8192, 32, 8, 128256, is_tied=True)}
HF_NAMES = {
    "output": "lm_head", "attn_q": "model.layers.{}.self_attn.q_proj", "attn_k": "model.layers.{}.self_attn.k_proj",
    "attn_v": "model.layers.{}.self_attn.v_proj", "attn_output": "model.layers.{}.self_attn.o_proj",
    "ffn_gate": "model.layers.{}.mlp.gate_proj", "ffn_up": "model.layers.{}.mlp.up_proj",
    "ffn_down": "model.layers.{}.mlp.down_proj",
}  # fmt: skip


def write_floats(path, shape, name):
    """A GGUF of random weights."""
    dtype = gguf.GGMLQuantizationType[name]
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    writer.add_context_length(4096)
    writer.add_embedding_length(shape.d_model)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.d_ff)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(shape.vocab)
    writer.add_tokenizer_model("no_vocab")
    random = np.random.default_rng(17)
    for tensor, dims in shape.matrices():
        weights = random.standard_normal(dims, np.float32) * np.float32(dims[1] ** -0.5)
        writer.add_tensor(f"{tensor}.weight", gguf.quants.quantize(weights, dtype), raw_dtype=dtype)
    norms = ["output_norm"] + [f"blk.{layer}.{norm}" for layer in range(shape.n_layers) for norm in ("attn_norm", "ffn_norm")]
    for norm in norms:
        writer.add_tensor(f"{norm}.weight", np.ones(shape.d_model, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def group_tensors(random, method, name, n, k):
    """Random codes of a matrix [n, k]; scales that make its products about as large as its input."""
    words = lambda *dims: random.integers(-(2**31), 2**31, dims, dtype=np.int32)  # noqa: E731
    codes = words(k, n // 8) if method == "AWQ" else words(k // 8, n)
    scales = random.uniform(0.1, 0.2, (k // GROUP, n)) * k**-0.5
    return {f"{name}.qweight": codes, f"{name}.qzeros": words(k // GROUP, n // 8), f"{name}.scales": scales.astype(np.float16)}


def write_groups(folder, shape, method):
    """A folder as AutoAWQ or AutoGPTQ writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(17)
    tensors = {"model.embed_tokens.weight": random.standard_normal((shape.vocab, shape.d_model), np.float32).astype(np.float16)}
    for tensor, (n, k) in shape.matrices():
        if tensor != "token_embd":
            name = HF_NAMES[tensor.split(".")[-1]].format(*tensor.split(".")[1:2])
            tensors |= group_tensors(random, method, name, n, k)
            if method == "GPTQ":
                tensors[f"{name}.g_idx"] = np.arange(k, dtype=np.int32) // GROUP
    norms = [f"model.layers.{layer}.{norm}_layernorm" for layer in range(shape.n_layers) for norm in ("input", "post_attention")]
    tensors |= {f"{norm}.weight": np.ones(shape.d_model, np.float16) for norm in [*norms, "model.norm"]}
    save_file(tensors, folder / "model.safetensors")
    kind = {"version": "gemm", "zero_point": True} if method == "AWQ" else {"desc_act": False, "sym": False, "lm_head": True}
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": shape.d_model,
        "intermediate_size": shape.d_ff, "num_hidden_layers": shape.n_layers, "num_attention_heads": shape.n_heads,
        "num_key_value_heads": shape.n_kv_heads, "vocab_size": shape.vocab, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "max_position_embeddings": 4096, "tie_word_embeddings": False,
        "quantization_config": {"quant_method": method.lower(), "bits": 4, "group_size": GROUP} | kind,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def write(path, folder, shape, name):
    if name in FOLDERS:
        write_groups(path, shape, name)
    elif name in FLOATS:
        write_floats(path, shape, name)
    else:
        source = made(folder, shape, "BF16")
        # Neither the search for scales nor the wider type that some matrices would get matters here.
        call(RELEASE / "tidemill", "quantize", source, path, "--type", name.lower(), "--keep-range")


def made(folder, shape, name):
    path = folder / f"{shape.file}-{name.lower()}{'' if name in FOLDERS else '.gguf'}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        write(part, folder, shape, name)
        part.rename(path)
    return path


def make(folder, name):
    """The file or folder of that name, made when it is not there."""
    shape, _, dtype = name.rpartition("-")
    if shape in recurrent_models.IN_GGUF and dtype in recurrent_models.GGUF_DTYPES:
        size = pathlib.Path("x".join(map(str, RECURRENT_SIZE)))
        return recurrent_models.make(shape, folder.parent / "bench-recurrent" / size, *RECURRENT_SIZE)[dtype]
    known = dtype in FLOATS or dtype in BLOCKS or (dtype in FOLDERS and not shape)
    if not known or (shape and shape not in SHAPES):
        raise SystemExit(f"error: --models {name}: is neither gemma nor a model that infer_models.py makes")
    return made(folder, SHAPES[shape] if shape else SMALL, dtype)
