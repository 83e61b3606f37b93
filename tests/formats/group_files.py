"""Matrices quantised in groups, packed and unpacked in NumPy step by step as the tools' own code does it:

AutoAWQ        awq/utils/packing_utils.py, awq/modules/linear/gemm.py
GPTQModel      gptqmodel/nn_modules/qlinear/__init__.py, gptqmodel/utils/model.py
compressed-tensors  compressors/pack_quantized, quantization/lifecycle/forward.py
"""

import dataclasses
import json

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]
AWQ_REVERSE_ORDER = [0, 4, 1, 5, 2, 6, 3, 7]
SCALE_DTYPES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32}


@dataclasses.dataclass
class Kind:
    format: str  # "awq", "gptq", "gptq_v2", "compressed-tensors"
    bits: int = 4
    group_size: int = 128  # -1: whole rows
    sym: bool = False
    act_order: bool = False
    scale: str = "f16"
    whole: bool = False  # of older compressed-tensors: codes do not cross words

    def __str__(self):
        words = [self.format, f"w{self.bits}", f"g{self.group_size}", "sym" if self.sym else "asym", self.scale]
        return "-".join(words + ["order"] * self.act_order + ["whole"] * self.whole)


@dataclasses.dataclass
class Groups:
    """One matrix [n, k]: (q - zeros[:, g_idx]) * scales[:, g_idx]."""

    q: np.ndarray  # uint8 [n, k]
    scales: np.ndarray  # float32 [n, groups], numbers of the kind's dtype
    zeros: np.ndarray  # int [n, groups]
    g_idx: np.ndarray  # int32 [k]

    def values(self):
        codes = self.q.astype(np.float32) - self.zeros.astype(np.float32)[:, self.g_idx]
        return codes * self.scales[:, self.g_idx]


def quantize(weight, kind, random):
    """Round-to-nearest, with groups of random inputs where the order is that of activations."""
    n, k = weight.shape
    size = k if kind.group_size == -1 else kind.group_size
    g_idx = (np.arange(k) // size).astype(np.int32)
    if kind.act_order:
        random.shuffle(g_idx)
    grouped = weight[:, np.argsort(g_idx, kind="stable")].reshape(n, -1, size)
    top = (1 << kind.bits) - 1
    low, high = np.minimum(grouped.min(-1), 0), np.maximum(grouped.max(-1), 0)
    if kind.sym:
        scales = np.abs(grouped).max(-1) * 2 / top
        zeros = np.full(scales.shape, (top + 1) // 2)
    else:
        scales = (high - low) / top
        zeros = np.clip(np.round(-low / scales), 0, top).astype(int)
    scales = scales.astype(SCALE_DTYPES[kind.scale]).astype(np.float32)
    q = np.clip(np.round(weight / scales[:, g_idx]) + zeros[:, g_idx], 0, top).astype(np.uint8)
    return Groups(q, scales, zeros, g_idx)


def as_int32(words):
    return (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def pack_stream(codes, bits):
    """[lines, n] -> [lines, ceil(n * bits / 32)], bit after bit."""
    n_words = -(-codes.shape[1] * bits // 32)
    codes = np.pad(codes.astype(np.uint8), ((0, 0), (0, -codes.shape[1] % 32)))
    bit = (codes[..., None] >> np.arange(bits, dtype=np.uint8)) & 1
    packed = np.packbits(bit.reshape(len(codes), -1), axis=1, bitorder="little")
    return np.ascontiguousarray(np.ascontiguousarray(packed).view("<i4")[:, :n_words])


def unpack_stream(words, bits, n=None):
    bit = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, bitorder="little")
    bit = bit[:, : bit.shape[1] // bits * bits].reshape(len(words), -1, bits)
    return (bit << np.arange(bits, dtype=np.uint8)).sum(-1).astype(np.uint8)[:, :n]


def pack_awq(m, kind):
    def pack(codes):  # [rows, n]
        words = np.zeros((codes.shape[0], codes.shape[1] // 8), np.int64)
        for col in range(words.shape[1]):
            for i in range(8):
                words[:, col] |= codes[:, col * 8 + AWQ_ORDER[i]].astype(np.int64) << (i * 4)
        return as_int32(words)

    return {"qweight": pack(m.q.T), "qzeros": pack(m.zeros.T), "scales": m.scales.T.astype(np.float16)}


def unpack_awq(tensors, kind):
    def unpack(words):
        nibbles = (words.view(np.uint32)[:, :, None] >> np.arange(0, 32, 4, dtype=np.uint32)) & 15
        return nibbles[:, :, AWQ_REVERSE_ORDER].reshape(words.shape[0], -1)

    q = unpack(tensors["qweight"]).T.astype(np.uint8)
    scales = tensors["scales"].T.astype(np.float32)
    size = q.shape[1] // scales.shape[1]
    return Groups(q, scales, unpack(tensors["qzeros"]).T.astype(int), np.arange(q.shape[1]) // size)


def ones(bits):
    return sum(1 << shift for shift in range(0, 32, bits))


def pack_gptq(m, kind):
    zeros = m.zeros
    if kind.format == "gptq" and kind.bits == 3:
        zeros = (zeros - 1) & 7
    qzeros = pack_stream(zeros.T.astype(np.uint8), kind.bits)
    if kind.format == "gptq" and kind.bits != 3:  # convert_gptq_v2_to_v1_format_module: whole words
        qzeros = as_int32(qzeros.view(np.uint32).astype(np.int64) - ones(kind.bits))
    return {
        "qweight": np.ascontiguousarray(pack_stream(m.q, kind.bits).T),
        "qzeros": qzeros,
        "scales": m.scales.T.astype(np.float16),
        "g_idx": m.g_idx.astype(np.int32),
    }


def unpack_gptq(tensors, kind):
    qzeros = tensors["qzeros"]
    if kind.format == "gptq" and kind.bits != 3:  # convert_gptq_v1_to_v2_format_module
        qzeros = as_int32(qzeros.view(np.uint32).astype(np.int64) + ones(kind.bits))
    zeros = unpack_stream(qzeros, kind.bits).astype(int)
    if kind.format == "gptq" and kind.bits == 3:
        zeros = (zeros + 1) & 7
    q = unpack_stream(np.ascontiguousarray(tensors["qweight"].T), kind.bits)
    return Groups(q, tensors["scales"].T.astype(np.float32), zeros.T, tensors["g_idx"])


def pack_whole(codes, bits):
    """pack_to_int32 of older compressed-tensors, along the last axis, of codes that are unsigned already."""
    factor = 32 // bits
    codes = np.pad(codes.astype(np.int64), ((0, 0), (0, -codes.shape[1] % factor)))
    return as_int32((codes.reshape(len(codes), -1, factor) << (np.arange(factor) * bits)).sum(-1))


def unpack_whole(words, bits, n):
    codes = (words.view(np.uint32)[:, :, None] >> (np.arange(32 // bits, dtype=np.uint32) * bits)) & ((1 << bits) - 1)
    return codes.reshape(len(words), -1)[:, :n]


def pack_compressed(m, kind):
    pack = pack_whole if kind.whole else pack_stream
    tensors = {
        "weight_packed": pack(m.q, kind.bits),
        "weight_scale": m.scales.astype(SCALE_DTYPES[kind.scale]),
        "weight_shape": np.array(m.q.shape, np.int64),
    }
    if not kind.sym:
        tensors["weight_zero_point"] = np.ascontiguousarray(pack(m.zeros.T, kind.bits).T)
    if kind.act_order:
        tensors["weight_g_idx"] = m.g_idx
    return tensors


def unpack_compressed(tensors, kind):
    unpack = unpack_whole if kind.whole else unpack_stream
    n, k = tensors["weight_shape"]
    scales = tensors["weight_scale"].astype(np.float32)
    zeros = np.full(scales.shape, 1 << (kind.bits - 1))
    if not kind.sym:
        words = np.ascontiguousarray(tensors["weight_zero_point"].T)
        zeros = unpack(words, kind.bits, n).T.astype(int)
    q = unpack(tensors["weight_packed"], kind.bits, k).astype(np.uint8)
    g_idx = tensors.get("weight_g_idx", np.arange(k) // (k // scales.shape[1]))
    return Groups(q, scales, zeros, g_idx)


PACK = {"awq": pack_awq, "gptq": pack_gptq, "gptq_v2": pack_gptq, "compressed-tensors": pack_compressed}
UNPACK = {"awq": unpack_awq, "gptq": unpack_gptq, "gptq_v2": unpack_gptq, "compressed-tensors": unpack_compressed}


def quantization_config(kind):
    if kind.format == "awq":
        return {"quant_method": "awq", "version": "gemm", "bits": kind.bits, "group_size": kind.group_size,
                "zero_point": True, "modules_to_not_convert": None}  # fmt: skip
    if kind.format.startswith("gptq"):
        return {"quant_method": "gptq", "checkpoint_format": kind.format, "bits": kind.bits,
                "group_size": kind.group_size, "sym": kind.sym, "desc_act": kind.act_order}  # fmt: skip
    weights = {"num_bits": kind.bits, "type": "int", "symmetric": kind.sym, "dynamic": False,
               "actorder": "group" if kind.act_order else None,
               "strategy": "channel" if kind.group_size == -1 else "group",
               "group_size": None if kind.group_size == -1 else kind.group_size}  # fmt: skip
    group = {"targets": ["Linear"], "weights": weights, "input_activations": None, "output_activations": None}
    return {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": group},
            "ignore": ["lm_head"], "kv_cache_scheme": None, "quantization_status": "compressed"}  # fmt: skip


CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 384,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 96, "rms_norm_eps": 1e-5,
    "max_position_embeddings": 128, "rope_theta": 10000.0, "tie_word_embeddings": False, "hidden_act": "silu",
    "torch_dtype": "float32",
}  # fmt: skip


def linears(config=CONFIG):
    """Names and shapes of the matrices that these tools quantise."""
    d, f = config["hidden_size"], config["intermediate_size"]
    kv = d // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {"self_attn.q_proj": (d, d), "self_attn.k_proj": (kv, d), "self_attn.v_proj": (kv, d),
              "self_attn.o_proj": (d, d), "mlp.gate_proj": (f, d), "mlp.up_proj": (f, d), "mlp.down_proj": (d, f)}  # fmt: skip
    for layer in range(config["num_hidden_layers"]):
        for name, shape in shapes.items():
            yield f"model.layers.{layer}.{name}", shape


def others(random, config=CONFIG):
    """The tensors that stay as they are."""
    d, vocab = config["hidden_size"], config["vocab_size"]
    tensors = {name: random.normal(0, 0.05, (vocab, d)) for name in ("model.embed_tokens.weight", "lm_head.weight")}
    norms = [f"model.layers.{layer}.{name}" for layer in range(config["num_hidden_layers"])
             for name in ("input_layernorm", "post_attention_layernorm")]  # fmt: skip
    tensors |= {f"{name}.weight": random.normal(1, 0.1, d) for name in [*norms, "model.norm"]}
    return {name: values.astype(np.float32) for name, values in tensors.items()}


def write_folder(path, tensors, config):
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, path / "model.safetensors")
    return path


def make_folders(path, kind, seed=7):
    """A tiny random Llama in that kind, and the same in floats; returns their folders and the floats."""
    random = np.random.default_rng(seed)
    plain = others(random)
    packed = dict(plain)
    for name, shape in linears():
        m = quantize(random.normal(0, 0.06, shape).astype(np.float32), kind, random)
        packed |= {f"{name}.{part}": values for part, values in PACK[kind.format](m, kind).items()}
        plain[f"{name}.weight"] = m.values()
    quantised = write_folder(path / "quantised", packed, {**CONFIG, "quantization_config": quantization_config(kind)})
    return quantised, write_folder(path / "plain", plain, CONFIG), plain
