"""Tiny cross-encoders: the golden BERT with a head of random weights, and its scores by the formulas in NumPy."""

import json

import numpy as np
import safetensors.numpy
import tokenizers
from sentence_folders import D_MODEL, encoder_numpy, make_folder, write_safetensors

MAX_LENGTH = 40
QUERY = "the tide"
DOCUMENTS = ["the mill", "a tide, a tide; the tide", "", "mill " * 100, "ein M\u00fchlrad \U0001f30a"]
LAYERS = {
    "bert": (("bert.pooler.dense", "classifier"), "bert.", "BertForSequenceClassification"),
    "roberta": (("classifier.dense", "classifier.out_proj"), "roberta.", "RobertaForSequenceClassification"),
}


def make_tokenizer(folder):
    """Pairs as BERT's: [CLS] A [SEP] B [SEP], the second text of type 1."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=special
    )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer


class CrossEncoder:
    """The golden BERT with a head of random weights, beside what NumPy needs to compute the same."""

    def __init__(self, folder, kind="bert", n_labels=1, **config):
        self.plain, self.folder, self.kind = make_folder(folder / "plain", max_length=MAX_LENGTH), folder / "model", kind
        self.tokenizer = make_tokenizer(self.plain)
        rng = np.random.default_rng(9)
        shapes = [(D_MODEL, D_MODEL), (n_labels, D_MODEL)]
        self.head = [(rng.normal(size=shape) / 4, rng.normal(size=shape[0]) / 4) for shape in shapes]
        names, prefix, architecture = LAYERS[kind]
        weights = {prefix + name: value for name, value in safetensors.numpy.load_file(self.plain / "model.safetensors").items()}
        for name, (weight, bias) in zip(names, self.head, strict=True):
            weights |= {name + ".weight": weight, name + ".bias": bias}
        make_folder(self.folder, max_length=MAX_LENGTH)
        write_safetensors(self.folder / "model.safetensors", weights)
        (self.folder / "tokenizer.json").write_bytes((self.plain / "tokenizer.json").read_bytes())
        self.change(self.folder, architectures=[architecture], **config)
        if kind == "roberta":
            for each in (self.folder, self.plain):
                self.change(each, model_type="roberta", pad_token_id=1)

    def change(self, folder, **fields):
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | fields))

    def number(self, query, document):
        pair = self.tokenizer.encode(query, document)
        types = pair.type_ids if self.kind == "bert" else None
        state = encoder_numpy.hidden_states(self.plain, pair.ids, types)[0].astype(np.float64)
        (pool, pool_bias), (weight, bias) = self.head
        return (weight @ np.tanh(pool @ state + pool_bias) + bias)[0]

    def numbers(self):
        return np.array([self.number(QUERY, document) for document in DOCUMENTS])
