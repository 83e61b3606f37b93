// tidemill tokenize: text to token ids and back.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/tokenize_bench.h"
#include "cli/tokenize_lines.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/tokenizer.h"

namespace tidemill::cli {
namespace {

using nlohmann::json;

constexpr Option kOptions[] = {
    {.flag = "--tokenizer",
     .kind = OptionKind::text,
     .value_name = "MODEL",
     .help = "a tokenizer's file, a model, a folder, a model of the store, bytes or characters; or the first "
             "argument"},
    {.flag = "--text", .kind = OptionKind::text, .value_name = "T", .help = "print the ids of this text"},
    {.flag = "--stdin-jsonl",
     .help = "answer lines {\"text\":...} of standard input with lines {\"ids\":[...]}; a line may have \"pair\", "
             "\"add_special_tokens\", \"special_text\", \"truncation\" and \"padding\", too"},
    {.flag = "--offsets", .help = "add \"offsets\": where in the text each token lies, in characters"},
    {.flag = "--full", .help = "add \"offsets\", words, types, masks and the parts that truncation cut off"},
    {.flag = "--decode",
     .help = "answer lines {\"ids\":[...]} with lines {\"text\":...}, or \"chunks\" for \"stream\":true"},
    {.flag = "--input",
     .kind = OptionKind::text,
     .value_name = "F",
     .help = "a text file, -: standard input; prints the ids of each line"},
    {.flag = "--write-json",
     .kind = OptionKind::text,
     .value_name = "F",
     .help = "write the tokenizer as tokenizer.json for Hugging Face's tokenizers"},
    {.flag = "--bench", .help = "measure how fast the text of --input is encoded"},
    {.flag = "--threads",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "threads to measure with",
     .fallback = "1",
     .min = 1,
     .max = 1024},
    {.flag = "--repeat", .help = "measure a second pass over the same text, too"},
    {.flag = "--cache-mb",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "memory for the cache of pieces, in MiB; 0: none",
     .fallback = "32",
     .min = 0,
     .max = 65536},
    {.flag = "--json", .help = "print one JSON object"},
};

void print_ids(const Tokenizer& tokenizer, const Arguments& arguments) {
  const std::string text = arguments.text("--text");
  const EncodeAnswer wanted{.offsets = arguments.flag("--offsets"), .full = arguments.flag("--full")};
  std::string answer;
  if (arguments.flag("--json") || wanted.offsets || wanted.full) {
    answer = encode_line(tokenizer, {{"text", text}}, wanted);
  } else {
    append_ids(tokenizer.encode(text), ' ', answer);
  }
  std::printf("%s\n", answer.c_str());
}

std::string tokenizer_path(const Arguments& arguments) {
  const bool positional = !arguments.positionals().empty();
  if (!positional && !arguments.has("--tokenizer")) {
    throw Error(ErrorCode::invalid_argument,
                "--tokenizer: none given; name a tokenizer's file, a folder or a model of the store");
  }
  const std::string name = positional ? arguments.positionals()[0] : arguments.text("--tokenizer");
  return is_plain_tokenizer_name(name) ? name : resolve_model(name);
}

int run(const Arguments& arguments) {
  const std::string path = tokenizer_path(arguments);
  if (arguments.has("--write-json")) {
    convert_tokenizer(path, arguments.text("--write-json"));
    return 0;
  }
  const size_t cache_bytes = static_cast<size_t>(arguments.integer("--cache-mb")) << 20;
  const std::shared_ptr<const Tokenizer> tokenizer = Tokenizer::from_file(path, {.cache_bytes = cache_bytes});
  if (arguments.flag("--bench")) {
    bench_tokenizer(*tokenizer, arguments);
  } else if (arguments.has("--text")) {
    print_ids(*tokenizer, arguments);
  } else if (arguments.flag("--stdin-jsonl") && arguments.flag("--decode")) {
    answer_json_lines([&](const json& line) { return decode_line(tokenizer, line).dump(); });
  } else if (arguments.flag("--stdin-jsonl")) {
    const EncodeAnswer wanted{.offsets = arguments.flag("--offsets"), .full = arguments.flag("--full")};
    answer_json_lines([&](const json& line) { return encode_line(*tokenizer, line, wanted); });
  } else if (arguments.has("--input")) {
    print_ids_of_lines(*tokenizer, arguments.text("--input"));
  } else {
    throw Error(ErrorCode::invalid_argument,
                "tokenize: there is nothing to do; give --text, --stdin-jsonl, --input, --write-json or --bench");
  }
  return 0;
}

constexpr const Command* kSubcommands[] = {&kTokenizeTrain};

}  // namespace

const Command kTokenize = {
    .name = "tokenize",
    .summary = "Turn text into token ids and back",
    .usage = "MODEL (--text T | --stdin-jsonl [--decode] | --input F [--bench] | --write-json F) [options]",
    .examples =
        "  tidemill tokenize model.gguf --text \"The tide mill stood\"\n"
        "  tidemill tokenize tokenizer.json --input book.txt\n"
        "  echo '{\"text\":\"Hello\"}' | tidemill tokenize model.gguf --stdin-jsonl\n"
        "  echo '{\"ids\":[9259]}' | tidemill tokenize model.gguf --decode --stdin-jsonl\n"
        "  tidemill tokenize tokenizer.json --bench --input book.txt\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run,
    .subcommands = kSubcommands,
};

}  // namespace tidemill::cli
