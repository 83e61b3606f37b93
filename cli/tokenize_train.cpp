// tidemill tokenize train: text files to a tokenizer.

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "tidemill/error.h"
#include "tidemill/system.h"
#include "tidemill/tokenizer_training.h"

namespace tidemill::cli {
namespace {

constexpr double kMostTokens = 2147483647;

constexpr Option kOptions[] = {
    {.flag = "--kind",
     .kind = OptionKind::text,
     .value_name = "KIND",
     .help = "bpe: bytes, as GPT-2; wordpiece: as BERT; spm-bpe, unigram: characters, as SentencePiece's models",
     .fallback = "bpe"},
    {.flag = "--out", .kind = OptionKind::text, .value_name = "FILE", .help = "the tokenizer.json to write"},
    {.flag = "--vocab-size",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "tokens to make, special ones included",
     .fallback = "30000",
     .min = 1,
     .max = kMostTokens},
    {.flag = "--min-frequency",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "all but unigram: leave pairs apart that occur less often",
     .fallback = "0",
     .min = 0,
     .max = kMostTokens},
    {.flag = "--special",
     .kind = OptionKind::texts,
     .value_name = "TOKEN",
     .help = "a token that is never part of another; may be given again; the first gets id 0"},
    {.flag = "--pattern",
     .kind = OptionKind::text,
     .value_name = "P",
     .help = "bpe: how text is cut into words: gpt2, llama3, qwen2, qwen3.5, o200k, tekken, a regular expression",
     .fallback = "gpt2"},
    {.flag = "--limit-alphabet",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "wordpiece, spm-bpe: keep only the N most frequent characters",
     .min = 0,
     .max = kMostTokens},
    {.flag = "--max-token-length",
     .kind = OptionKind::integer,
     .value_name = "N",
     .help = "bpe, spm-bpe: make no token of N and more bytes or characters",
     .min = 1,
     .max = kMostTokens},
    {.flag = "--cased", .help = "wordpiece: keep capital letters and accents"},
    kThreadsOption,
    kJsonOption,
};

std::optional<int64_t> optional_integer(const Arguments& arguments, std::string_view name) {
  return arguments.has(name) ? std::optional(arguments.integer(name)) : std::nullopt;
}

TokenizerTrainingOptions training_options(const Arguments& arguments) {
  const int64_t n_threads = arguments.integer("--threads");
  return {.kind = training_kind(arguments.text("--kind")),
          .vocab_size = arguments.integer("--vocab-size"),
          .min_frequency = arguments.integer("--min-frequency"),
          .special_tokens = arguments.texts("--special"),
          .pattern = arguments.text("--pattern"),
          .limit_alphabet = optional_integer(arguments, "--limit-alphabet"),
          .max_token_length = optional_integer(arguments, "--max-token-length"),
          .lowercase = !arguments.flag("--cased"),
          .n_threads = n_threads > 0 ? static_cast<int>(n_threads) : cpu_info().n_cores};
}

// One bar per phase; a new one wipes the old one.
class PhaseBars {
 public:
  bool update(const TrainingProgress& progress) {
    if (progress.phase != phase_) {
      bar_.reset();
      phase_ = progress.phase;
      bar_ = std::make_unique<Progress>(phase_);
    }
    bar_->update(progress.share);
    return !interrupted();
  }

 private:
  std::string phase_;
  std::unique_ptr<Progress> bar_;
};

void print_json(const TrainingReport& report) {
  const nlohmann::ordered_json answer{{"bytes", report.n_bytes},
                                      {"words", report.n_words},
                                      {"distinct_words", report.n_distinct_words},
                                      {"tokens", report.n_tokens},
                                      {"merges", report.n_merges},
                                      {"read_seconds", report.read_seconds},
                                      {"train_seconds", report.train_seconds}};
  std::printf("%s\n", answer.dump().c_str());
}

void print_summary(const std::string& out, const TrainingReport& report) {
  const std::string merges = report.n_merges > 0 ? ", " + std::to_string(report.n_merges) + " merges" : "";
  std::printf("%s: %lld tokens%s from %.1f MB of text (%lld distinct words); read in %.2f s, trained in %.2f s\n",
              out.c_str(), static_cast<long long>(report.n_tokens), merges.c_str(),
              static_cast<double>(report.n_bytes) / 1e6, static_cast<long long>(report.n_distinct_words),
              report.read_seconds, report.train_seconds);
}

int run(const Arguments& arguments) {
  if (!arguments.has("--out")) {
    throw Error(ErrorCode::invalid_argument, "--out: none given; name the tokenizer.json to write");
  }
  TokenizerTrainingOptions options = training_options(arguments);
  PhaseBars bars;
  options.on_progress = [&](const TrainingProgress& progress) { return bars.update(progress); };
  catch_interrupts();
  const std::string out = arguments.text("--out");
  const TrainingReport report = train_tokenizer(arguments.positionals(), out, options);
  bars = {};
  if (arguments.flag("--json")) {
    print_json(report);
  } else {
    print_summary(out, report);
  }
  return 0;
}

}  // namespace

const Command kTokenizeTrain = {
    .name = "tokenize train",
    .summary = "Make a tokenizer from text files",
    .usage = "--out tokenizer.json FILE... [options]",
    .examples =
        "  tidemill tokenize train --vocab-size 16000 --out tokenizer.json book.txt more.txt\n"
        "  tidemill tokenize train --special \"<s>\" --special \"</s>\" --pattern llama3 --out tokenizer.json *.txt\n"
        "  tidemill tokenize train --kind wordpiece --special \"[PAD]\" --special \"[UNK]\" --special \"[CLS]\" \\\n"
        "    --special \"[SEP]\" --special \"[MASK]\" --out tokenizer.json book.txt\n"
        "  zcat texts.gz | tidemill tokenize train --kind spm-bpe --out tokenizer.json -\n"
        "  tidemill tokenize train --kind unigram --vocab-size 8000 --out tokenizer.json *.txt\n",
    .options = kOptions,
    .max_positionals = 1 << 20,
    .run = run,
};

}  // namespace tidemill::cli
