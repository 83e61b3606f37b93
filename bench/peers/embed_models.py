"""all-MiniLM-L6-v2 as the ONNX files that its peers read: as exported, with operators fused, and in int8.

    embed_models.py MODEL_FOLDER OUT_FOLDER

model.onnx is what torch.onnx.export makes; model-fused.onnx has gone through ONNX Runtime's own optimizer for
transformers, which is how its users make it quick; model-int8.onnx is that through its dynamic quantisation, per tensor.
"""

import pathlib
import sys

import onnx
import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer


class Hidden(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def main():
    folder, out = sys.argv[1], pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.ones((2, 7), dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes = {name: {0: "batch", 1: "tokens"} for name in [*names, "hidden"]}
    torch.onnx.export(
        Hidden(model), (ids, ids, ids * 0), str(out / "model.onnx"), input_names=names, output_names=["hidden"],
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )  # fmt: skip
    heads, width = model.config.num_attention_heads, model.config.hidden_size
    fused = optimizer.optimize_model(str(out / "model.onnx"), model_type="bert", num_heads=heads, hidden_size=width)
    fused.save_model_to_file(str(out / "model-fused.onnx"))
    # The optimizer's operators have no shape inference: what their results are has to be said.
    options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(
        str(out / "model-fused.onnx"), str(out / "model-int8.onnx"), weight_type=QuantType.QInt8, extra_options=options
    )


if __name__ == "__main__":
    main()
