"""Documentation says what the code does: layers, commands, measured tables."""

import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/style"))
sys.path.insert(0, str(ROOT / "scripts"))

import cli_docs  # noqa: E402
import models_docs  # noqa: E402
import readme_table  # noqa: E402
import server_config_docs  # noqa: E402
import test_layers  # noqa: E402


def test_layers_of_the_page_are_those_that_are_checked():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    everything_above = set(test_layers.MAY_INCLUDE) - {"api"}
    told = {
        folder: everything_above if "every folder" in cell else set(re.findall(r"`(\w+)`", cell))
        for folder, cell in rows.items()
    }
    assert told == test_layers.MAY_INCLUDE


def test_every_command_is_documented_with_its_own_help(tidemill):
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page(tidemill.program), "run scripts/cli_docs.py"


def test_every_key_of_the_server_is_documented(tidemill):
    assert server_config_docs.PAGE.read_text(encoding="utf-8") == server_config_docs.page(tidemill.program), (
        "run scripts/server_config_docs.py"
    )


def test_the_table_of_models_is_the_registry(tidemill):
    assert models_docs.PAGE.read_text(encoding="utf-8") == models_docs.page(tidemill.program), "run scripts/models_docs.py"


def test_the_readme_names_every_command(tidemill):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in cli_docs.commands(tidemill.program) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", readme_table.PAGES, ids=lambda page: page.name)
def test_measured_tables_come_from_the_results(page):
    text = page.read_text(encoding="utf-8")
    assert readme_table.rendered(text) == text, "run scripts/readme_table.py"


def result_of(rows):
    fields = ["prefill_tok_s", "decode_tok_s", "load_s", "first_token_s", "peak_rss_bytes", "batch_tok_s", "noise_tok_s"]
    row = {"model": "m.gguf", "version": "1", "threads": 1, "weight_bytes": 250e6, "layer_weights": 1e8, "file_bytes": 240e6, "state_bytes": 10e6}
    return {
        "benchmark": "infer", "prompt_tokens": 512, "gen_tokens": 128, "n_sequences": 16, "date": "2026-01-02",
        "commit": "abc", "compiler": "g++ 12", "load_before": 0.1,
        "roofs": {"1": {"read_gb_s": 20.0, "int8_gop_s": 1000.0, "bf16_gflop_s": 500.0, "f32_gflop_s": 250.0}},
        "machine": {"cpu": "CPU", "family_model": "1/2", "cores": 2, "system": "Debian"},
        "rows": [row | {"program": name} | dict(zip(fields, values, strict=True)) for name, values in rows.items()],
    }  # fmt: skip


ONE_MODEL = {
    "llama.cpp": [[200], [20], [1], [2], [300e6], [100], [2]],
    "tidemill": [[1, 250, 900], [1, 40, 64], [0.5], [0.7], [260e6], [300], [36]],
}


def test_a_table_compares_medians_with_the_peer_and_with_the_memory_bandwidth():
    table = readme_table.table(result_of(ONE_MODEL))
    ours, peer = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert ours == "| tidemill | 1 | 250 (1.25 x) | 40.0 (2.00 x) | 10.0 of 20.0 | 0.50 | 0.70 | 260 |"
    assert peer == "| llama.cpp | 1 | 200 | 20.0 | 5.0 of 20.0 | 1.00 | 2.00 | 300 |"
    assert "medians of 1 alternating rounds" in table


def test_other_precisions_of_ours_stand_beside_the_default_and_are_no_peers():
    result = result_of(ONE_MODEL | {"tidemill --precision int8": [[400], [44], [0.5], [0.7], [260e6], [350], [40]]})
    lines = [line for line in readme_table.performance_table(result).splitlines() if line.startswith("| m.gguf")]
    assert [line.split(" | ")[2] for line in lines] == ["tidemill", "tidemill --precision int8", "llama.cpp"]
    assert "| 250 (1.25 x) |" in lines[0] and "| 400 (2.00 x) |" in lines[1]


def test_the_table_of_performance_names_roofs_and_limits_of_every_model():
    result = result_of(ONE_MODEL)
    second = {"model": "big.gguf", "weight_bytes": 500e6, "file_bytes": 490e6}
    result["rows"] += [{k: v for k, v in row.items() if k != "noise_tok_s"} | second for row in result["rows"]]
    lines = [line for line in readme_table.performance_table(result).splitlines() if line.startswith("| ")][1:]
    assert lines[0] == (
        "| m.gguf | 1 | tidemill | 250 (1.25 x) | 50 of 1000 (5%) | 40.0 (2.00 x) | 10.0 of 20.0 (50%) | 300 (3.00 x) "
        "| 36.0 (18.00 x) | 1.04 x | not memory alone (50% of reading it) |"
    )
    assert lines[2].startswith("| big.gguf | 1 | tidemill") and lines[2].endswith("| - | 0.52 x | reading memory |")
    assert len(lines) == 4


def test_a_table_of_recurrent_models_compares_medians_with_the_best_peer_and_with_reading_the_weights():
    case = {"model": "mamba", "dtype": "F32", "threads": 1, "bytes_per_token": 20_000_000}
    result = result_of({}) | {
        "benchmark": "recurrent", "model": {"layers": 4, "width": 384, "vocab": 4096}, "load_before": 0.1,
        "roofs": {"1": {"20000000": 50.0}},
        "rows": [
            case | {"program": "tidemill", "version": "", "decode_tok_s": [2000, 1, 2500], "prefill_tok_s": [900, 900]},
            case | {"program": "llama.cpp", "version": "1", "decode_tok_s": [1000], "prefill_tok_s": [300]},
            case | {"program": "other", "version": "2", "decode_tok_s": [10], "prefill_tok_s": [450]},
        ],
    }  # fmt: skip
    line = [line for line in readme_table.table(result).splitlines() if line.startswith("| mamba")]
    assert line == ["| mamba | F32 | 1 | 2000 (2.00 x) | 1000 | 10 | 40 of 50 | 900 (2.00 x) | 300 | 450 |"]
