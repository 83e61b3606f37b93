// tidemill tokenize: text to token ids and back.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/input.h"
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
     .help = "a GGUF file or a model of the store; or the first argument"},
    {.flag = "--text", .kind = OptionKind::text, .value_name = "T", .help = "print the ids of this text"},
    {.flag = "--stdin-jsonl", .help = "answer lines {\"text\":...} of standard input with lines {\"ids\":[...]}"},
    {.flag = "--offsets", .help = "add \"offsets\": where in the text each token lies, in characters"},
    {.flag = "--decode",
     .help = "answer lines {\"ids\":[...]} with lines {\"text\":...}, or \"chunks\" for \"stream\":true"},
    {.flag = "--bench", .help = "measure how fast the text of --input is encoded"},
    {.flag = "--input",
     .kind = OptionKind::text,
     .value_name = "F",
     .help = "the text file to measure with; -: standard input"},
    {.flag = "--threads",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "threads to measure with",
     .fallback = "1",
     .min = 1,
     .max = 1024},
    {.flag = "--repeat", .help = "measure a second pass over the same text, too"},
    {.flag = "--json", .help = "print one JSON object"},
};

// The value of `key`, or `fallback` when the line has none.
template <typename T>
T value_or(const json& line, const char* key, T fallback) {
  return line.contains(key) ? line.at(key).get<T>() : fallback;
}

json character_offsets(std::string_view text, const std::vector<TokenSpan>& spans) {
  json offsets = json::array();
  for (const TokenSpan& span : character_spans(text, spans)) offsets.push_back({span.begin, span.end});
  return offsets;
}

SpecialText special_text_of(const json& line) {
  if (!line.contains("parse_special_tokens")) return SpecialText::standard;
  return line.at("parse_special_tokens").get<bool>() ? SpecialText::parse : SpecialText::as_text;
}

json encode_line(const Tokenizer& tokenizer, const json& line, bool with_offsets) {
  const auto text = line.at("text").get<std::string>();
  const EncodeOptions options{.add_special_tokens = value_or(line, "add_special_tokens", true),
                              .special_text = special_text_of(line)};
  std::vector<TokenSpan> spans;
  json answer{{"ids", tokenizer.encode(text, options, with_offsets ? &spans : nullptr)}};
  if (with_offsets) answer["offsets"] = character_offsets(text, spans);
  return answer;
}

std::vector<int32_t> ids_of(const json& line) {
  std::vector<int32_t> ids;
  for (const json& value : line.at("ids")) {
    const bool fits = value.is_number_integer() && value >= 0 && value <= std::numeric_limits<int32_t>::max();
    if (!fits) throw Error(ErrorCode::invalid_argument, "\"ids\": " + value.dump() + " is not a token id");
    ids.push_back(value.get<int32_t>());
  }
  return ids;
}

json decode_line(const std::shared_ptr<const Tokenizer>& tokenizer, const json& line) {
  const std::vector<int32_t> ids = ids_of(line);
  const bool skip_special_tokens = value_or(line, "skip_special_tokens", true);
  if (!value_or(line, "stream", false)) return {{"text", tokenizer->decode(ids, skip_special_tokens)}};
  StreamDecoder decoder(tokenizer, skip_special_tokens);
  json chunks = json::array();
  for (const int32_t id : ids) {
    std::string chunk = decoder.push(id);
    chunks.push_back(chunk.empty() ? json() : json(std::move(chunk)));
  }
  return {{"chunks", std::move(chunks)}};
}

void print_ids(const Tokenizer& tokenizer, const Arguments& arguments) {
  const std::string text = arguments.text("--text");
  if (arguments.flag("--json") || arguments.flag("--offsets")) {
    std::vector<TokenSpan> spans;
    json answer{{"ids", tokenizer.encode(text, {}, &spans)}};
    if (arguments.flag("--offsets")) answer["offsets"] = character_offsets(text, spans);
    std::printf("%s\n", answer.dump().c_str());
    return;
  }
  std::string line;
  for (const int32_t id : tokenizer.encode(text)) line += (line.empty() ? "" : " ") + std::to_string(id);
  std::printf("%s\n", line.c_str());
}

// `text` in about `n_parts` equal parts, cut after line ends.
std::vector<std::string_view> split_at_lines(std::string_view text, size_t n_parts) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0, k = 1; begin < text.size(); ++k) {
    const size_t line_end = text.find('\n', std::max(begin, text.size() * k / n_parts));
    const size_t end = k >= n_parts || line_end == text.npos ? text.size() : line_end + 1;
    parts.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

struct Pass {
  double seconds;
  int64_t n_tokens;
};

// Encodes every part on a thread of its own.
Pass encode_parts(const Tokenizer& tokenizer, const std::vector<std::string_view>& parts) {
  const auto start = std::chrono::steady_clock::now();
  const auto count = [&](std::string_view part) -> int64_t {
    return std::ssize(tokenizer.encode(part, {.add_special_tokens = false}));
  };
  std::vector<std::future<int64_t>> others;
  for (size_t k = 1; k < parts.size(); ++k) others.push_back(std::async(std::launch::async, count, parts[k]));
  int64_t n_tokens = parts.empty() ? 0 : count(parts[0]);
  for (std::future<int64_t>& other : others) n_tokens += other.get();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {seconds.count(), n_tokens};
}

void bench(const Tokenizer& tokenizer, const Arguments& arguments) {
  if (!arguments.has("--input"))
    throw Error(ErrorCode::invalid_argument, "--bench: no text given; name a file by --input");
  const std::string text = read_all(arguments.text("--input"));
  const int64_t n_threads = arguments.integer("--threads");
  const std::vector<std::string_view> parts = split_at_lines(text, static_cast<size_t>(n_threads));
  const Pass first = encode_parts(tokenizer, parts);
  json answer{{"bytes", text.size()}, {"tokens", first.n_tokens}, {"seconds", first.seconds}, {"threads", n_threads}};
  if (arguments.flag("--repeat")) answer["repeat_seconds"] = encode_parts(tokenizer, parts).seconds;
  if (arguments.flag("--json")) {
    std::printf("%s\n", answer.dump().c_str());
    return;
  }
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::printf("%lld tokens, %.1f MB/s", static_cast<long long>(first.n_tokens), megabytes / first.seconds);
  if (arguments.flag("--repeat")) std::printf(", again %.1f MB/s", megabytes / answer["repeat_seconds"].get<double>());
  std::printf("\n");
}

std::shared_ptr<const Tokenizer> load_tokenizer(const Arguments& arguments) {
  const bool positional = !arguments.positionals().empty();
  if (!positional && !arguments.has("--tokenizer")) {
    throw Error(ErrorCode::invalid_argument, "--tokenizer: none given; name a GGUF file or a model of the store");
  }
  return Tokenizer::from_file(resolve_model(positional ? arguments.positionals()[0] : arguments.text("--tokenizer")));
}

int run(const Arguments& arguments) {
  const std::shared_ptr<const Tokenizer> tokenizer = load_tokenizer(arguments);
  if (arguments.flag("--bench")) {
    bench(*tokenizer, arguments);
  } else if (arguments.has("--text")) {
    print_ids(*tokenizer, arguments);
  } else if (arguments.flag("--stdin-jsonl") && arguments.flag("--decode")) {
    answer_json_lines([&](const json& line) { return decode_line(tokenizer, line); });
  } else if (arguments.flag("--stdin-jsonl")) {
    const bool with_offsets = arguments.flag("--offsets");
    answer_json_lines([&](const json& line) { return encode_line(*tokenizer, line, with_offsets); });
  } else {
    throw Error(ErrorCode::invalid_argument, "tokenize: there is nothing to do; give --text, --stdin-jsonl or --bench");
  }
  return 0;
}

}  // namespace

const Command kTokenize = {
    .name = "tokenize",
    .summary = "text to token ids and back",
    .usage = "MODEL (--text T | --stdin-jsonl [--decode] | --bench --input F) [options]",
    .examples =
        "  tidemill tokenize model.gguf --text \"The tide mill stood\"\n"
        "  echo '{\"text\":\"Hello\"}' | tidemill tokenize model.gguf --stdin-jsonl\n"
        "  echo '{\"ids\":[9259]}' | tidemill tokenize model.gguf --decode --stdin-jsonl\n"
        "  tidemill tokenize model.gguf --bench --input book.txt\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run,
};

}  // namespace tidemill::cli
