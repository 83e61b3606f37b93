"""Tables of bench/results/infer-*.json: the default model in README.md, every model beside the machine's roofs in
docs/performance.md.
"""

import statistics

HEADER = """\
| | threads | prefill tokens/s | decode tokens/s | decode GB/s | load s | load to first token s | peak memory MB |
|---|--:|--:|--:|--:|--:|--:|--:|
"""
FULL_HEADER = """\
| model | threads | | prefill tokens/s | GOP/s of int8 | decode tokens/s | GB/s of reading | {n} together | beside noise | peak memory, of file and state | limit of decode |
|---|--:|---|--:|--:|--:|--:|--:|--:|--:|---|
"""
NEAR = 0.8  # of a roof: what stands there stands at it


def median(row, field):
    return statistics.median(row[field])


def is_ours(row):
    """Whatever it was told: "tidemill --precision int8" is, too."""
    return row["program"].split()[0] == "tidemill"


def ratio(row, rows, field):
    """" (1.23 x)" behind our figure where a peer was measured on the same model with as many threads."""
    if not is_ours(row):
        return ""
    alike = [other for other in rows if (other["model"], other["threads"]) == (row["model"], row["threads"])]
    peers = [median(other, field) for other in alike if not is_ours(other) and field in other]
    return f" ({median(row, field) / max(peers):.2f} x)" if peers else ""


def speed(row, rows, field, digits=0):
    return f"{median(row, field):.{digits}f}" + ratio(row, rows, field) if field in row else "-"


def read_gb_s(row):
    return median(row, "decode_tok_s") * row["weight_bytes"] / 1e9


def ordered(rows):
    """Models as they came; ours first."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    return sorted(rows, key=lambda row: (models.index(row["model"]), row["threads"], not is_ours(row)))


def line(row, result):
    cells = [
        row["program"],
        str(row["threads"]),
        speed(row, result["rows"], "prefill_tok_s"),
        speed(row, result["rows"], "decode_tok_s", 1),
        f"{read_gb_s(row):.1f} of {result['roofs'][str(row['threads'])]['read_gb_s']:.1f}",
        f"{median(row, 'load_s'):.2f}",
        f"{median(row, 'first_token_s'):.2f}",
        f"{median(row, 'peak_rss_bytes') / 1e6:.0f}",
    ]
    return "| " + " | ".join(cells) + " |\n"


def how_measured(result, rows, measured_on):
    n_rounds = min(len(row["decode_tok_s"]) for row in rows)
    versions = sorted({f"{row['program']} {row['version']}" for row in rows}, reverse=True)
    return (
        f"prompt {result['prompt_tokens']} tokens, generation {result['gen_tokens']}; medians of "
        f"{measured_on(result | {'rounds': n_rounds})}; {', '.join(versions)}; commit {result['commit']}, {result['date']}"
    )


def infer_table(result, measured_on):
    """Markdown: one line per program and thread count of the first model, then on what and how it was measured."""
    model = result["rows"][0]["model"]
    rows = ordered([row for row in result["rows"] if row["model"] == model])
    return (
        HEADER
        + "".join(line(row, result) for row in rows)
        + f"\n{model}, {how_measured(result, rows, measured_on)}. GB/s: weights read per second, of what reading memory "
        + "reaches here.\n"
    )


def limit_of(row, roofs):
    """What keeps decoding from being quicker, as far as the figures tell."""
    share = read_gb_s(row) / roofs["read_gb_s"]
    return "reading memory" if share >= NEAR else f"not memory alone ({100 * share:.0f}% of reading it)"


def full_line(row, result):
    rows, roofs = result["rows"], result["roofs"][str(row["threads"])]
    gop_s = median(row, "prefill_tok_s") * 2 * row["layer_weights"] / 1e9
    cells = [
        row["model"],
        str(row["threads"]),
        row["program"],
        speed(row, rows, "prefill_tok_s"),
        f"{gop_s:.0f} of {roofs['int8_gop_s']:.0f} ({100 * gop_s / roofs['int8_gop_s']:.0f}%)",
        speed(row, rows, "decode_tok_s", 1),
        f"{read_gb_s(row):.1f} of {roofs['read_gb_s']:.1f} ({100 * read_gb_s(row) / roofs['read_gb_s']:.0f}%)",
        speed(row, rows, "batch_tok_s"),
        speed(row, rows, "noise_tok_s", 1),
        f"{median(row, 'peak_rss_bytes') / (row['file_bytes'] + row['state_bytes']):.2f} x",
        limit_of(row, roofs),
    ]
    return "| " + " | ".join(cells) + " |\n"


def performance_table(result, measured_on):
    """Markdown: one line per model, thread count and program."""
    rows = ordered(result["rows"])
    roofs = "; ".join(
        f"{threads} threads: reading {row['read_gb_s']:.1f} GB/s, int8 {row['int8_gop_s']:.0f} GOP/s, bf16 "
        f"{row['bf16_gflop_s']:.0f} and f32 {row['f32_gflop_s']:.0f} GFLOP/s"
        for threads, row in sorted(result["roofs"].items())
    )
    return (
        FULL_HEADER.format(n=result["n_sequences"])
        + "".join(full_line(row, result) for row in rows)
        + f"\nRoofs: {roofs}. {how_measured(result, rows, measured_on)}, load {result['load_before']:.1f} before. x: of the "
        + f"best peer. Prefill counts the products of the layers. {result['n_sequences']} together: tokens/s of as many "
        + "sequences written in one batch. Beside noise: decode while another process takes half of one core.\n"
    )
