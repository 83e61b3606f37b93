"""Tiny random encoders as torch.onnx exports them, for tests/golden/onnx.

    python make_onnx.py OUT_FOLDER

Each model goes through the exporter that traces (opset 14, where norms and activations are written out in simple
operators, and 17) and through the one that torch.export feeds ("dynamo").  Made with torch 2.15, transformers 4.57,
onnxscript 0.7; what the files compute is asked of ONNX Runtime when the tests run.
"""

import pathlib
import sys
import warnings

import onnx
import torch
import transformers

SIZES = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=60, initializer_range=0.3
)
NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def bert(attention):
    return transformers.BertModel(
        transformers.BertConfig(**SIZES, max_position_embeddings=40, attn_implementation=attention), add_pooling_layer=False
    )


def modernbert():
    config = transformers.ModernBertConfig(
        **SIZES | dict(num_hidden_layers=4), max_position_embeddings=64, local_attention=8, pad_token_id=0,
        attn_implementation="sdpa", reference_compile=False, initializer_cutoff_factor=3.0,
    )  # fmt: skip
    return transformers.ModernBertModel(config)


def roberta():
    config = transformers.RobertaConfig(**SIZES, max_position_embeddings=42, type_vocab_size=1, attn_implementation="sdpa")
    return transformers.RobertaModel(config, add_pooling_layer=False)


def distilbert():
    return transformers.DistilBertModel(
        transformers.DistilBertConfig(
            dim=16, n_layers=2, n_heads=2, hidden_dim=24, vocab_size=60, max_position_embeddings=40, initializer_range=0.3
        )
    )


def mpnet():
    return transformers.MPNetModel(transformers.MPNetConfig(**SIZES, max_position_embeddings=42), add_pooling_layer=False)


def t5():
    return transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=60, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, relative_attention_num_buckets=8,
            relative_attention_max_distance=20, feed_forward_proj="gated-gelu", initializer_factor=2.0,
        )
    )  # fmt: skip


def deberta():
    config = transformers.DebertaV2Config(
        **SIZES, relative_attention=True, pos_att_type=["c2p", "p2c"], max_position_embeddings=40, position_buckets=8
    )
    return transformers.DebertaV2Model(config)


# File -> model, has types, is pooled, opset of the tracing exporter or 0 for the other one.
FILES = {
    "bert-eager-14": (lambda: bert("eager"), True, False, 14),
    "bert-pooled-17": (lambda: bert("sdpa"), True, True, 17),
    "bert-dynamo": (lambda: bert("sdpa"), True, False, 0),
    "roberta-14": (roberta, False, False, 14),
    "roberta-dynamo": (roberta, False, False, 0),
    "distilbert-17": (distilbert, False, False, 17),
    "mpnet-17": (mpnet, False, False, 17),
    "modernbert-17": (modernbert, False, False, 17),
    "modernbert-dynamo": (modernbert, False, False, 0),
    "t5-encoder-17": (t5, False, False, 17),
    "deberta-dynamo": (deberta, True, False, 0),
}


class Wrapped(torch.nn.Module):
    """Outputs as optimum names them: hidden states, and with pooling the mean of length 1 as sentence-transformers'."""

    def __init__(self, model, has_types, is_pooled):
        super().__init__()
        self.model, self.has_types, self.is_pooled = model, has_types, is_pooled

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        more = {"token_type_ids": token_type_ids} if self.has_types else {}
        hidden = self.model(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state
        if not self.is_pooled:
            return hidden
        mask = attention_mask.unsqueeze(-1).expand(hidden.size()).float()
        mean = (hidden * mask).sum(1) / torch.clamp(mask.sum(1), min=1e-9)
        return hidden, torch.nn.functional.normalize(mean, p=2, dim=1)


def export(path, make, has_types, is_pooled, opset):
    torch.manual_seed(7)
    model = make()
    for name, value in model.named_parameters():  # biases and norms that do something
        if value.dim() == 1:
            value.data = value.data + 0.2 * torch.randn_like(value)
    model = Wrapped(model.eval(), has_types, is_pooled)
    ids = torch.arange(14).reshape(2, 7) + 5
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    inputs = (ids, mask, ids * 0)[: 3 if has_types else 2]
    names = NAMES[: len(inputs)]
    outputs = ["token_embeddings", "sentence_embedding"] if is_pooled else ["last_hidden_state"]
    more = {"input_names": names, "output_names": outputs}
    if opset:
        axes = {name: {0: "batch", 1: "tokens"} for name in [*names, outputs[0]]} | ({outputs[1]: {0: "batch"}} if is_pooled else {})
        torch.onnx.export(model, inputs, str(path), dynamic_axes=axes, opset_version=opset, dynamo=False, **more)
    else:
        dynamic = torch.export.Dim.DYNAMIC
        shapes = tuple({0: dynamic, 1: dynamic} for _ in inputs)
        torch.onnx.export(model, inputs, str(path), dynamic_shapes=shapes, dynamo=True, external_data=False, **more)


def without_remarks(path):
    """What the dynamo exporter writes about the program that each node comes from is most of a tiny file."""
    model = onnx.load(path)
    for message in [model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        del message.metadata_props[:]
        message.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def main():
    warnings.filterwarnings("ignore")
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, arguments in FILES.items():
        with torch.no_grad():
            export(out / f"{name}.onnx", *arguments)
        without_remarks(out / f"{name}.onnx")


if __name__ == "__main__":
    main()
