"""The table of bench/results/embed-*.json: docs/embeddings.md."""

import statistics

INT8 = ("tidemill-int8", "onnxruntime-int8")  # the others compute in float32


def median_of(rows, program):
    found = [row for row in rows if row["program"] == program]
    return statistics.median(found[0]["ms"]) if found else None


def best_other(rows, program):
    """Milliseconds of the quickest peer that computes as `program` does."""
    others = [row["program"] for row in rows if not row["program"].startswith("tidemill")]
    times = [median_of(rows, other) for other in others if (other in INT8) == (program in INT8)]
    return min(times, default=None)


def ratio(rows, program):
    """How many times as fast as the best peer, or nothing."""
    ours, best = median_of(rows, program), best_other(rows, program)
    return best / ours if program.startswith("tidemill") and ours and best else None


def cell(rows, program):
    if (ms := median_of(rows, program)) is None:
        return "-"
    share = ratio(rows, program)
    return (f"{ms:.3g}" if ms < 100 else f"{ms:.0f}") + (f" ({share:.2f} x)" if share else "")


def geometric_means(groups, programs):
    means = []
    for program in programs:
        ratios = [share for rows in groups.values() if (share := ratio(rows, program))]
        if ratios:
            means.append(f"{program} {statistics.geometric_mean(ratios):.2f} x, at least {min(ratios):.2f} x")
    return "; ".join(means)


def embed_table(result, measured_on):
    """Markdown: one line per thread count and cell, one column per program."""
    programs = sorted({row["program"] for row in result["rows"]}, key=lambda name: (name in INT8, name != "tidemill", name))
    groups = {}
    for row in result["rows"]:
        groups.setdefault((row["threads"], row["cell"]), []).append(row)
    lines = ["| threads | texts x tokens | " + " | ".join(programs) + " |", "|--:|--:|" + "--:|" * len(programs)]
    for (threads, name), rows in groups.items():
        lines.append(f"| {threads} | {name.replace('x', ' x ')} | " + " | ".join(cell(rows, program) for program in programs) + " |")
    versions = sorted({f"{row['program']} {row['version']}" for row in result["rows"] if row["version"]})
    n_rounds = min(len(row["ms"]) for row in result["rows"])
    means = geometric_means(groups, programs)
    return "\n".join(lines) + (
        f"\n\nMilliseconds for all texts of a cell; x: of the best other in the same arithmetic{' (' + means + ')' if means else ''}. "
        f"Medians of {measured_on(result | {'rounds': n_rounds})}; {', '.join(versions)}; commit {result['commit']}, "
        f"{result['date']}, load {result['load_before']:.1f} before.\n"
    )
