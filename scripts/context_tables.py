"""The table of bench/results/context-*.json: docs/performance.md."""

import statistics


def cells(rows, positions):
    """Tokens/s at each position, behind the first one how much of that speed is left."""
    speeds = {row["position"]: statistics.median(row["decode_tok_s"]) for row in rows}
    first = speeds.get(positions[0])
    for position in positions:
        speed = speeds.get(position)
        share = f" ({speed / first:.0%})" if speed and first and position != positions[0] else ""
        yield f"{speed:.0f}{share}" if speed else "-"


def growth(rows):
    """MB of memory that the longest prompt takes more than the shortest."""
    peaks = [statistics.median(row["peak_rss_bytes"]) for row in sorted(rows, key=lambda row: row["position"])]
    return f"{(peaks[-1] - peaks[0]) / 1e6:.1f}" if len(peaks) > 1 else "-"


def context_table(result, measured_on):
    """Markdown: one line per model, thread count and program."""
    positions = sorted({row["position"] for row in result["rows"]})
    groups = {}
    for row in result["rows"]:
        groups.setdefault((row["model"], row["threads"], row["program"]), []).append(row)
    lines = ["| model | threads | | " + " | ".join(f"{position:,}" for position in positions) + " | MB more memory |",
             "|---|--:|---|" + "--:|" * (len(positions) + 1)]  # fmt: skip
    for (model, threads, program), rows in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] != "tidemill")):
        lines.append(f"| {model} | {threads} | {program} | " + " | ".join(cells(rows, positions)) + f" | {growth(rows)} |")
    n_rounds = min(len(row["decode_tok_s"]) for row in result["rows"])
    return "\n".join(lines) + (
        f"\n\nDecoded tokens/s behind prompts of so many tokens ({result['gen_tokens']} tokens; in brackets of the first), and what "
        f"the longest prompt takes in memory beyond the shortest; medians of {measured_on(result | {'rounds': n_rounds})}; commit "
        f"{result['commit']}, {result['date']}, load {result['load_before']:.1f} before.\n"
    )
