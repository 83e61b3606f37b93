"""The measured tables of README.md and docs, made from bench/results/*.json.

    readme_table.py            rewrite what stands between <!-- bench:NAME --> and <!-- /bench:NAME -->
    readme_table.py --check    exit status 1 when that differs from what would be written
    readme_table.py --show F   print the whole table of one result file (- for stdin)
"""

import json
import pathlib
import re
import statistics
import sys

import context_tables
import delta_tables
import embed_tables
import infer_tables
import quantize_tables

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "docs/models.md", "docs/performance.md", "docs/embeddings.md", "docs/compression.md", "docs/quantization.md")]


def measured_on(result):
    machine = result["machine"]
    return (
        f"{result['rounds']} alternating rounds on {machine['cpu']} (family/model {machine['family_model']}), "
        f"{machine['cores']} cores, {machine['system']}, {result['compiler']}"
    )


def tokenize_cell(rows, program, threads):
    """"first / again" in MB/s, ours with how often it is the best of the others."""
    found = [row for row in rows if row["program"] == program and row["threads"] == threads]
    if not found:
        return "-"
    speeds = [found[0][field]["median"] for field in ("first_mb_s", "again_mb_s")]
    others = [row for row in rows if row["program"] != "tidemill" and row["threads"] == threads]
    cell = " / ".join(f"{speed:.3g}" if speed < 10 else f"{speed:.0f}" for speed in speeds)
    if program != "tidemill" or not others:
        return cell
    best = [max(row[field]["median"] for row in others) for field in ("first_mb_s", "again_mb_s")]
    return cell + " (" + " / ".join(f"{speed / other:.2f} x" for speed, other in zip(speeds, best, strict=True)) + ")"


def tokenize_note(result):
    return (
        "\n\nMB/s of UTF-8, a first pass over the text / the same text again; x: of the best other. Medians of "
        + f"{measured_on(result)}; commit {result['commit']}, {result['date']}, load {result['load_before']:.1f} before.\n"
    )


def by_tokenizer_and_text(result):
    groups = {}
    for row in result["rows"]:
        groups.setdefault(row["tokenizer"], {}).setdefault(row["text"], []).append(row)
    return groups


def whole_tokenize_table(result):
    """Markdown: one line per tokenizer, text and thread count, one column per program."""
    programs = sorted({row["program"] for row in result["rows"]}, key=lambda name: (name != "tidemill", name))
    lines = ["| tokenizer | text | threads | " + " | ".join(programs) + " |", "|---|---|--:|" + "--:|" * len(programs)]
    for tokenizer, texts in by_tokenizer_and_text(result).items():
        for text, rows in texts.items():
            for threads in sorted({row["threads"] for row in rows}):
                cells = [tokenize_cell(rows, program, threads) for program in programs]
                lines.append(f"| {tokenizer} | {text} | {threads} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + tokenize_note(result)


def tokenize_table(result):
    """Markdown: our speed, one line per tokenizer and thread count, one column per text."""
    texts = list(dict.fromkeys(row["text"] for row in result["rows"]))
    lines = ["| tokenizer | others | threads | " + " | ".join(texts) + " |", "|---|---|--:|" + "--:|" * len(texts)]
    for tokenizer, by_text in by_tokenizer_and_text(result).items():
        rows = [row for of_text in by_text.values() for row in of_text]
        others = ", ".join(sorted({row["program"] for row in rows} - {"tidemill"})) or "-"
        for threads in sorted({row["threads"] for row in rows}):
            cells = [tokenize_cell(by_text.get(text, []), "tidemill", threads) for text in texts]
            lines.append(f"| {tokenizer} | {others} | {threads} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + tokenize_note(result)


def recurrent_speeds(rows, programs, field):
    """A cell per program: the median, ours with how often it is the best of the others."""
    speed = {row["program"]: statistics.median(row[field]) for row in rows}
    best = max((value for program, value in speed.items() if program != "tidemill"), default=0)
    ours = f"{speed['tidemill']:.0f}" + (f" ({speed['tidemill'] / best:.2f} x)" if best else "")
    return [ours] + [f"{speed[program]:.0f}" if program in speed else "-" for program in programs[1:]]


def recurrent_line(rows, programs, roofs):
    row = rows[0]
    decode = statistics.median(next(row for row in rows if row["program"] == "tidemill")["decode_tok_s"])
    read, roof = decode * row["bytes_per_token"] / 1e9, roofs[str(row["threads"])][str(row["bytes_per_token"])]
    cells = [row["model"], row["dtype"], str(row["threads"]), *recurrent_speeds(rows, programs, "decode_tok_s"),
             f"{read:.0f} of {roof:.0f}", *recurrent_speeds(rows, programs, "prefill_tok_s")]  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def recurrent_table(result):
    """Markdown: one line per model, format of its weights and thread count."""
    programs = sorted({row["program"] for row in result["rows"]}, key=lambda name: (name != "tidemill", name))
    columns = [f"decode, {programs[0]}", *programs[1:], "decode GB/s", f"prefill, {programs[0]}", *programs[1:]]
    groups = {}
    for row in result["rows"]:
        groups.setdefault((row["model"], row["dtype"], row["threads"]), []).append(row)
    versions = sorted({f"{row['program']} {row['version']}" for row in result["rows"] if row["version"]})
    model, n_rounds = result["model"], min(len(row["decode_tok_s"]) for row in result["rows"])
    return (
        "| model | weights | threads | " + " | ".join(columns) + " |\n"
        + "|---|---|--:|" + "--:|" * len(columns) + "\n"
        + "".join(recurrent_line(rows, programs, result["roofs"]) for rows in groups.values())
        + f"\nTokens/s of random models with {model['layers']} layers of width {model['width']} and a vocabulary of "
        + f"{model['vocab']}; prompt {result['prompt_tokens']} tokens, generation {result['gen_tokens']}; medians of "
        + f"{measured_on(result | {'rounds': n_rounds})}; {', '.join(versions)}; commit {result['commit']}, {result['date']}, "
        + f"load {result['load_before']:.1f} before. x: of the best other. GB/s: weights read per second, of what reading as "
        + "many bytes again and again reaches here.\n"
    )  # fmt: skip


def infer_table(result):
    return infer_tables.infer_table(result, measured_on)


def performance_table(result):
    return infer_tables.performance_table(result, measured_on)


def embed_table(result):
    return embed_tables.embed_table(result, measured_on)


def context_table(result):
    return context_tables.context_table(result, measured_on)


def delta_table(result):
    return delta_tables.delta_table(result, measured_on)


TABLES = {"context": context_table, "delta": delta_table, "infer": infer_table, "embed": embed_table, "tokenize": tokenize_table, "recurrent": recurrent_table, "quantize": quantize_tables.quantize_table, "performance": performance_table}
RESULTS = {"performance": "infer"}  # of tables that are another view of a benchmark's results


def table(result):
    return TABLES[result["benchmark"]](result)


def rendered(text):
    """A page's text with every table replaced by the one of its results."""

    def replacement(match):
        results = sorted((ROOT / "bench/results").glob(f"{RESULTS.get(match[1], match[1])}-*.json"))
        tables = [TABLES[match[1]](json.loads(path.read_text(encoding="utf-8"))) for path in results]
        return f"<!-- bench:{match[1]} -->\n" + "\n".join(tables) + f"<!-- /bench:{match[1]} -->"

    return re.sub(r"<!-- bench:(\w+) -->\n.*?<!-- /bench:\1 -->", replacement, text, flags=re.DOTALL)


def main(arguments):
    if arguments[:1] == ["--show"]:
        source = sys.stdin if arguments[1] == "-" else open(arguments[1], encoding="utf-8")
        result = json.load(source)
        whole = {"infer": performance_table, "tokenize": whole_tokenize_table}.get(result.get("benchmark"), table)
        print(whole(result), end="")
        return 0
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    if arguments == ["--check"]:
        return 0 if all(rendered(text) == text for text in texts.values()) else 1
    for page, text in texts.items():
        page.write_text(rendered(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
