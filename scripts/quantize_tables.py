"""The table of quantisers side by side in docs/quantization.md, from what bench/quantize_beside.py measured."""

LOSSES = {
    "language model": "language model, KL divergence",
    "Gemma's layers": "layers of Gemma 3 270M, relative error",
    "MiniLM": "all-MiniLM-L6-v2, 1 - cosine",
}


def quantize_table(result):
    """Markdown: one line per judge and quantiser, in the order in which they were measured."""
    lines = ["| judge, loss | quantiser | bits | its loss | ours, as many bits | ratio |", "|---|---|--:|--:|--:|--:|"]
    for what, shown in LOSSES.items():
        for row in result["rows"]:
            if row["what"] != what:
                continue
            ratio = row["best"] / row["loss"]
            lines.append(f"| {shown} | {row['name']} | {row['bits']:.2f} | {row['loss']:.3g} | {row['best']:.3g} | {ratio:.2f} |")
    return "\n".join(lines) + f"\n\nCommit {result['commit']}, {result['date']}.\n"
