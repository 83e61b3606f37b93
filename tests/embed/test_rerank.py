"""`tidemill rerank` gives what transformers' models for sequence classification give, by the formulas in NumPy."""

import json

import numpy as np
import pytest
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


def rank(tidemill, folder, *arguments):
    line = json.dumps({"query": QUERY, "documents": DOCUMENTS})
    done = tidemill.run("rerank", folder, "--stdin-jsonl", *arguments, stdin=line + "\n")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["results"]


def expect(results, expected):
    assert [result["index"] for result in results] == list(np.argsort(-expected, kind="stable"))
    np.testing.assert_allclose([result["relevance_score"] for result in results], np.sort(expected)[::-1], atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_scores_are_sigmoids_of_the_numbers(tidemill, tmp_path, kind):
    model = CrossEncoder(tmp_path, kind)
    expect(rank(tidemill, model.folder), 1 / (1 + np.exp(-model.numbers())))
    expect(rank(tidemill, model.folder, "--raw-scores"), model.numbers())
    assert rank(tidemill, model.folder, "--top-n", 2) == rank(tidemill, model.folder)[:2]


@pytest.mark.parametrize(
    "config", [{"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
               {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}], ids=["new", "old"]
)  # fmt: skip
def test_the_configuration_may_ask_for_the_numbers_themselves(tidemill, tmp_path, config):
    model = CrossEncoder(tmp_path, **config)
    expect(rank(tidemill, model.folder), model.numbers())


def test_lines_of_a_file(tidemill, tmp_path):
    model = CrossEncoder(tmp_path)
    lines = [document for document in DOCUMENTS if document]
    (tmp_path / "lines.txt").write_text("\n\n".join(lines), encoding="utf-8")
    done = tidemill.run("rerank", model.folder, "--query", QUERY, "--file", tmp_path / "lines.txt")
    assert done.returncode == 0, done.stderr
    order = np.argsort([-model.number(QUERY, line) for line in lines])
    assert [line.split("  ", 1)[1] for line in done.stdout.splitlines()] == [lines[i] for i in order]


def test_models_that_are_no_rerankers_are_refused(tidemill, tmp_path, tiny_model):
    (tmp_path / "two").mkdir()
    wrong = {
        "no head": make_folder(tmp_path / "model"), "2 labels": CrossEncoder(tmp_path / "two", n_labels=2).folder,
        "no folder of an encoder": tiny_model,
    }  # fmt: skip
    for words, folder in wrong.items():
        done = tidemill.run("rerank", folder, "--query", "x", stdin="a\n")
        assert done.returncode == 3 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_what_does_not_fit_is_named(tidemill, tmp_path):
    model = CrossEncoder(tmp_path)
    weights = safetensors.numpy.load_file(model.folder / "model.safetensors")
    write_safetensors(model.folder / "model.safetensors", weights | {"bert.pooler.dense.bias": np.zeros(5)})
    done = tidemill.run("rerank", model.folder, "--query", "x", stdin="a\n")
    assert done.returncode == 3 and "bert.pooler.dense.bias" in done.stderr and done.stderr.count("\n") == 1
    model.change(model.folder, sentence_transformers={"activation_fn": "x.Softplus"})
    write_safetensors(model.folder / "model.safetensors", weights)
    done = tidemill.run("rerank", model.folder, "--query", "x", stdin="a\n")
    assert done.returncode == 3 and "x.Softplus" in done.stderr
    assert tidemill.run("rerank", model.folder).returncode == 2
