// tidemill logits: the scores a model gives after every token of a list of ids, or an encoder's hidden states.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/ids_file.h"
#include "cli/json_writer.h"
#include "tidemill/error.h"
#include "tidemill/probability.h"

namespace tidemill::cli {
namespace {

constexpr auto kOptions = option_table(
    kModelOption,
    Option{.flag = "--ids-file",
           .kind = OptionKind::text,
           .value_name = "F",
           .help = "JSON file {\"ids\":[...]}; for an encoder also \"mask\" and \"types\"; -: standard input"},
    Option{.flag = "--top",
           .kind = OptionKind::integer,
           .value_name = "K",
           .help = "only the K most likely next tokens, with log-probabilities; 0: all scores",
           .fallback = "0",
           .min = 0,
           .max = 1 << 24},
    Option{.flag = "--prefill",
           .kind = OptionKind::integer,
           .value_name = "K",
           .help = "feed the first K ids in one pass, the rest one at a time; 0: all in one pass",
           .fallback = "0",
           .min = 0,
           .max = 1 << 30},
    Option{.flag = "--greedy",
           .kind = OptionKind::integer,
           .value_name = "N",
           .help = "also the N most likely ids that follow",
           .fallback = "0",
           .min = 0,
           .max = 1 << 24},
    kContextOption, kDeltaOption, kComputeOptions,
    Option{.flag = "--json", .help = "print JSON (the only form of output)"});

// Prints one position's scores, or its most likely tokens.
class RowWriter {
 public:
  explicit RowWriter(int64_t top) : top_(static_cast<size_t>(top)) {}

  void write(std::span<const float> logits) {
    if (n_rows_++ > 0) std::fputc(',', stdout);
    if (top_ == 0)
      write_array(logits);
    else
      write_top(logits);
  }

 private:
  void write_top(std::span<const float> logits) {
    order_.resize(logits.size());
    std::iota(order_.begin(), order_.end(), 0);
    const size_t n_shown = std::min(top_, order_.size());
    std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(n_shown), order_.end(),
                      [&](int32_t a, int32_t b) {
                        const float logit_a = logits[static_cast<size_t>(a)], logit_b = logits[static_cast<size_t>(b)];
                        return logit_a > logit_b || (logit_a == logit_b && a < b);
                      });
    const double log_total = log_sum_exp(logits);
    std::vector<float> logprobs;
    for (size_t index = 0; index < n_shown; ++index)
      logprobs.push_back(static_cast<float>(logits[static_cast<size_t>(order_[index])] - log_total));
    std::fputs("{\"ids\":", stdout);
    write_array(std::span<const int32_t>(order_.data(), n_shown));
    std::fputs(",\"logprobs\":", stdout);
    write_array(logprobs);
    std::fputc('}', stdout);
  }

  size_t top_;
  size_t n_rows_ = 0;
  std::vector<int32_t> order_;
};

// An encoder's hidden states, a row for each id.
int run_encoder(const Engine& engine, const IdsFile& file, const Arguments& arguments) {
  for (const char* const option : {"--top", "--prefill", "--greedy"}) {
    if (arguments.integer(option) > 0)
      throw Error(ErrorCode::invalid_argument,
                  std::string(option) + ": " + engine.path() + " is an encoder, which has no scores of next tokens");
  }
  const EncoderInput input{.ids = std::span(file.ids).first(file.n_kept),
                           .types = std::span(file.types).first(file.types.empty() ? 0 : file.n_kept)};
  engine.encode({&input, 1}, [&](size_t, const Tensor& hidden) {
    const auto width = static_cast<size_t>(hidden.dim(1));
    const std::vector<float> padding(width);
    std::fputs("{\"hidden\":[", stdout);
    for (size_t row = 0; row < file.ids.size(); ++row) {
      if (row > 0) std::fputc(',', stdout);
      write_array(row < file.n_kept ? std::span<const float>(hidden.row<float>(static_cast<int64_t>(row)), width)
                                    : std::span<const float>(padding));
    }
    std::fputs("]}\n", stdout);
  });
  return 0;
}

int run_causal(const Engine& engine, const std::vector<int32_t>& ids, const Arguments& arguments) {
  Session session(engine);
  const auto n_ids = static_cast<int64_t>(ids.size());
  if (n_ids > engine.context_length())
    throw Error(ErrorCode::context_full, "ids: " + std::to_string(n_ids) + " do not fit into a context of " +
                                             std::to_string(engine.context_length()) + "; raise --ctx or give fewer");
  const int64_t wanted = arguments.integer("--prefill");
  const auto n_first = static_cast<size_t>(wanted == 0 ? n_ids : std::min(wanted, n_ids));

  RowWriter rows(arguments.integer("--top"));
  std::vector<float> last;
  const ScoreSink sink = [&](int64_t position, std::span<const float> logits) {
    rows.write(logits);
    if (position + 1 == n_ids) last.assign(logits.begin(), logits.end());
  };
  std::fputs(arguments.integer("--top") > 0 ? "{\"top\":[" : "{\"logits\":[", stdout);
  const std::span<const int32_t> all(ids);
  session.score(all.first(n_first), sink);
  for (size_t index = n_first; index < ids.size(); ++index) session.score(all.subspan(index, 1), sink);
  std::fputc(']', stdout);

  if (arguments.integer("--greedy") > 0) {
    const Result result = session.generate({.prompt_ids = ids,
                                            .max_tokens = arguments.integer("--greedy"),
                                            .sampling = {.temperature = 0},
                                            .ignore_eos = true});
    std::fputs(",\"greedy\":", stdout);
    write_array(result.ids);
  }
  std::fputs("}\n", stdout);
  return 0;
}

int run(const Arguments& arguments) {
  if (!arguments.has("--ids-file"))
    throw Error(ErrorCode::invalid_argument, "--ids-file: none given; name a JSON file {\"ids\":[...]}");
  const IdsFile file = read_ids_file(arguments.text("--ids-file"));
  const Engine engine = load_engine(arguments);
  if (engine.is_encoder()) return run_encoder(engine, file, arguments);
  if (file.n_kept < file.ids.size() || !file.types.empty())
    throw Error(ErrorCode::invalid_argument,
                "--ids-file: padding and types are for encoders, which " + engine.path() + " is not; give ids only");
  return run_causal(engine, file.ids, arguments);
}

}  // namespace

const Command kLogits = {
    .name = "logits",
    .summary = "Print a model's scores for a list of token ids, or an encoder's hidden states",
    .usage = "MODEL --ids-file F [options] --json",
    .examples =
        "  echo '{\"ids\":[2,818,563]}' | tidemill logits gemma3-270m --ids-file - --top 5 --json\n"
        "  tidemill logits model.gguf --ids-file ids.json --prefill 8 --greedy 24 --json\n"
        "  # an encoder's hidden states, a row for each id; rows of padding are zeros\n"
        "  echo '{\"ids\":[101,7592,102,0],\"mask\":[1,1,1,0]}' | tidemill logits ./all-MiniLM-L6-v2 --ids-file - "
        "--json\n",
    .options = kOptions,
    .max_positionals = 1,
    .run = run};

}  // namespace tidemill::cli
