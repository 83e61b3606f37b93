"""The table of the codec of deltas in docs/compression.md, from what bench/delta.py measured."""

NAMES = {
    "adamw": "AdamW, 40 steps at 2e-6",
    "adamw-x25": "25 times that update",
    "random-1": "1% at random",
    "random-10": "10% at random",
    "no base": "no base",
}


def speeds(rows, field):
    """GB/s with one thread and with two."""
    by_threads = {row["threads"]: row["bytes"] / row[field] / 1e9 for row in rows}
    return " / ".join(f"{by_threads[threads]:.2f}" for threads in sorted(by_threads))


def delta_table(result, measured_on):
    """Markdown: one line per pair and program, the smallest first."""
    groups = {}
    for row in result["rows"]:
        groups.setdefault((row["pair"], row["program"]), []).append(row)
    lines = ["| fine-tune | program | ratio | make GB/s | apply GB/s |", "|---|---|--:|--:|--:|"]
    for pair, shown in NAMES.items():
        found = [(rows[0]["bytes"] / rows[0]["code_bytes"], of[1], rows) for of, rows in groups.items() if of[0] == pair]
        for ratio, program, rows in sorted(found, key=lambda row: -row[0]):
            lines.append(f"| {shown} | {program} | {ratio:.4g} | {speeds(rows, 'make_s')} | {speeds(rows, 'apply_s')} |")
    return (
        "\n".join(lines)
        + "\n\nBytes of all tensors (MiniLM in bfloat16, 45 MB) by bytes of their code; speeds in memory with one thread / two. "
        + f"Medians of {measured_on(result)}; commit {result['commit']}, {result['date']}, load {result['load_before']:.1f} before.\n"
    )
