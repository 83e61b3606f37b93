#include "text/training/recipe.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "text/normalizers/normalizers.h"
#include "text/pieces/byte_alphabet.h"
#include "text/pre_tokenizers/pre_tokenizers.h"
#include "text/training/trained_tokenizer.h"
#include "text/training/training_patterns.h"
#include "text/training/unigram_trainer.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

constexpr std::string_view kMerging = "merging";

// Spaces become U+2581, one stands before the text, and words begin with it.
constexpr std::string_view kMetaspace =
    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})";

std::optional<size_t> optional_size(const std::optional<int64_t>& value) {
  return value ? std::optional(static_cast<size_t>(*value)) : std::nullopt;
}

BpeTrainingOptions bpe_options(const TokenizerTrainingOptions& options) {
  return {.vocab_size = static_cast<size_t>(options.vocab_size),
          .min_frequency = options.min_frequency,
          .special_tokens = options.special_tokens,
          .limit_alphabet = optional_size(options.limit_alphabet),
          .max_token_length = optional_size(options.max_token_length)};
}

// `tokens` with `token` in front, where it is missing.
std::vector<std::string> with_token(std::vector<std::string> tokens, const std::string& token) {
  if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.insert(tokens.begin(), token);
  return tokens;
}

// Byte-level BPE with the stages of GPT-2.
class ByteLevelRecipe final : public TrainingRecipe {
 public:
  explicit ByteLevelRecipe(const TokenizerTrainingOptions& options)
      : pattern_(training_pattern(options.pattern)), options_(bpe_options(options)) {
    options_.symbols = SymbolKind::bytes;
    for (int byte = 0; byte < 256; ++byte) {
      options_.initial_alphabet += first_character(byte_character(static_cast<uint8_t>(byte))).code_point;
    }
  }

  WordRules rules() const override { return {.splitter = pattern_.splitter, .pre_tokenizer = pattern_.cut.get()}; }

  std::string_view phase() const override { return kMerging; }

  TrainedFile train(const WordCounts& words, const RunParts&, const TrainingMonitor& monitor) const override {
    const TrainedBpe model = train_bpe(words, options_, monitor);
    const TokenizerStages stages{
        .pre_tokenizer = pre_tokenizer(),
        .post_processor = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true})",
        .decoder = R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true})"};
    return {bpe_tokenizer_json(model, {}, stages, options_.special_tokens), model.tokens.size(), model.merges.size()};
  }

 private:
  // GPT-2's own pattern is part of the byte-level stage; any other is a stage before it.
  std::string pre_tokenizer() const {
    nlohmann::ordered_json byte_level{
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", pattern_.is_gpt2}};
    if (pattern_.is_gpt2) return byte_level.dump();
    const nlohmann::ordered_json split{
        {"type", "Split"}, {"pattern", {{"Regex", pattern_.regex}}}, {"behavior", "Isolated"}, {"invert", false}};
    return nlohmann::ordered_json{{"type", "Sequence"}, {"pretokenizers", {split, byte_level}}}.dump();
  }

  TrainingPattern pattern_;
  BpeTrainingOptions options_;
};

// BERT's: its normalizer and pre-tokenizer; [CLS] and [SEP] are put around a text when they are special tokens.
class WordPieceRecipe final : public TrainingRecipe {
 public:
  explicit WordPieceRecipe(const TokenizerTrainingOptions& options)
      : options_(bpe_options(options)),
        lowercase_(options.lowercase),
        normalizer_(make_bert_normalizer({.strip_accents = {}, .lowercase = options.lowercase})),
        pre_tokenizer_(make_bert_pre_tokenizer()) {
    options_.symbols = SymbolKind::characters;
    options_.continuing_prefix = kPrefix;
    options_.special_tokens = with_token(options_.special_tokens, kUnknown);
  }

  WordRules rules() const override { return {.normalizer = normalizer_.get(), .pre_tokenizer = pre_tokenizer_.get()}; }

  std::string_view phase() const override { return kMerging; }

  TrainedFile train(const WordCounts& words, const RunParts&, const TrainingMonitor& monitor) const override {
    const TrainedBpe model = train_bpe(words, options_, monitor);
    const std::string normalizer = nlohmann::ordered_json{
        {"type", "BertNormalizer"},
        {"clean_text", true},
        {"handle_chinese_chars", true},
        {"strip_accents", nullptr},
        {"lowercase", lowercase_}}.dump();
    const std::string post_processor = bert_post_processor(model.tokens);
    const TokenizerStages stages{.normalizer = normalizer,
                                 .pre_tokenizer = R"({"type":"BertPreTokenizer"})",
                                 .post_processor = post_processor,
                                 .decoder = R"({"type":"WordPiece","prefix":"##","cleanup":true})"};
    return {wordpiece_tokenizer_json(model.tokens, kUnknown, kPrefix, stages, options_.special_tokens),
            model.tokens.size(), model.merges.size()};
  }

 private:
  static constexpr const char* kUnknown = "[UNK]";
  static constexpr const char* kPrefix = "##";

  static std::string bert_post_processor(const std::vector<std::string>& tokens) {
    const auto cls = std::find(tokens.begin(), tokens.end(), "[CLS]");
    const auto sep = std::find(tokens.begin(), tokens.end(), "[SEP]");
    if (cls == tokens.end() || sep == tokens.end()) return "null";
    return nlohmann::ordered_json{
        {"type", "BertProcessing"}, {"sep", {"[SEP]", sep - tokens.begin()}}, {"cls", {"[CLS]", cls - tokens.begin()}}}
        .dump();
  }

  BpeTrainingOptions options_;
  bool lowercase_;
  NormalizerPtr normalizer_;
  PreTokenizerPtr pre_tokenizer_;
};

// As SentencePiece trains BPE for Llama: spaces become U+2581, a character without a token is spelled in bytes, and the
// end of a line is no part of it.
class SentencePieceBpeRecipe final : public TrainingRecipe {
 public:
  explicit SentencePieceBpeRecipe(const TokenizerTrainingOptions& options)
      : special_tokens_(with_token(options.special_tokens, kUnknown)),
        options_(bpe_options(options)),
        pre_tokenizer_(make_metaspace({})) {
    options_.symbols = SymbolKind::characters;
    options_.special_tokens = special_tokens_;
    for (int byte = 0; byte < 256; ++byte) options_.special_tokens.push_back(byte_token(byte));
  }

  WordRules rules() const override { return {.pre_tokenizer = pre_tokenizer_.get(), .keep_line_ends = false}; }

  std::string_view phase() const override { return kMerging; }

  TrainedFile train(const WordCounts& words, const RunParts&, const TrainingMonitor& monitor) const override {
    const TrainedBpe model = train_bpe(words, options_, monitor);
    const TokenizerStages stages{
        .pre_tokenizer = std::string(kMetaspace),
        .decoder = R"({"type":"Sequence","decoders":[)"
                   R"({"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},)"
                   R"({"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})"};
    const BpeModelFields fields{.unk_token = kUnknown, .fuse_unk = true, .byte_fallback = true};
    return {bpe_tokenizer_json(model, fields, stages, special_tokens_), model.tokens.size(), model.merges.size()};
  }

 private:
  static constexpr const char* kUnknown = "<unk>";

  static std::string byte_token(int byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    return std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">";
  }

  std::vector<std::string> special_tokens_;
  BpeTrainingOptions options_;
  PreTokenizerPtr pre_tokenizer_;
};

// As SentencePiece trains its Unigram models; words and stages as for its BPE, but nothing is spelled in bytes.
class UnigramRecipe final : public TrainingRecipe {
 public:
  explicit UnigramRecipe(const TokenizerTrainingOptions& options)
      : options_{.vocab_size = static_cast<size_t>(options.vocab_size),
                 .special_tokens = with_token(options.special_tokens, kUnknown)},
        pre_tokenizer_(make_metaspace({})) {}

  WordRules rules() const override { return {.pre_tokenizer = pre_tokenizer_.get(), .keep_line_ends = false}; }
  std::string_view phase() const override { return "pruning"; }

  TrainedFile train(const WordCounts& words, const RunParts& run, const TrainingMonitor& monitor) const override {
    const std::vector<UnigramToken> tokens = train_unigram(words, options_, run, monitor);
    const TokenizerStages stages{.pre_tokenizer = std::string(kMetaspace), .decoder = kMetaspace};
    return {unigram_tokenizer_json(tokens, kUnknown, stages, options_.special_tokens), tokens.size(), 0};
  }

 private:
  static constexpr const char* kUnknown = "<unk>";

  UnigramTrainingOptions options_;
  PreTokenizerPtr pre_tokenizer_;
};

void refuse(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

// Refuses options that mean nothing to the kind, which would otherwise be left out without a word.
void check_kind(const TokenizerTrainingOptions& options) {
  const TrainingKind kind = options.kind;
  if (options.pattern != TokenizerTrainingOptions().pattern && kind != TrainingKind::bpe) {
    refuse("pattern: only bpe cuts text by one; leave it out");
  }
  if (!options.lowercase && kind != TrainingKind::wordpiece) {
    refuse("lowercase (--cased): only wordpiece changes letters, all others keep them; leave it out");
  }
  if (options.limit_alphabet && kind == TrainingKind::bpe) {
    refuse("limit_alphabet: the alphabet of byte-level BPE is all bytes; leave it out");
  }
  if (options.max_token_length && kind == TrainingKind::wordpiece) {
    refuse("max_token_length: WordPiece has no such limit; leave it out");
  }
  if (kind != TrainingKind::unigram) return;
  if (options.min_frequency > 0) refuse("min_frequency: Unigram merges no pairs; leave it out");
  if (options.limit_alphabet) refuse("limit_alphabet: Unigram keeps every character; leave it out");
  if (options.max_token_length) refuse("max_token_length: Unigram has no such limit; leave it out");
}

void check(const TokenizerTrainingOptions& options) {
  if (options.vocab_size < 1 || options.vocab_size > kMostTokens) {
    refuse("vocab_size: " + std::to_string(options.vocab_size) + " is out of range; give 1 to 2147483647");
  }
  if (options.min_frequency < 0) refuse("min_frequency: is negative; give 0 or more");
  if (options.limit_alphabet && *options.limit_alphabet < 0) refuse("limit_alphabet: is negative; give 0 or more");
  if (options.max_token_length && *options.max_token_length < 1) refuse("max_token_length: is below 1; give 1 or more");
  check_kind(options);
  for (const std::string& token : options.special_tokens) {
    if (token.empty() || !is_utf8(token)) {
      refuse("special token '" + printable(token) + "': is empty or not UTF-8; give another one");
    }
  }
}

}  // namespace

std::unique_ptr<TrainingRecipe> make_training_recipe(const TokenizerTrainingOptions& options) {
  check(options);
  switch (options.kind) {
    case TrainingKind::bpe:
      return std::make_unique<ByteLevelRecipe>(options);
    case TrainingKind::wordpiece:
      return std::make_unique<WordPieceRecipe>(options);
    case TrainingKind::spm_bpe:
      return std::make_unique<SentencePieceBpeRecipe>(options);
    case TrainingKind::unigram:
      return std::make_unique<UnigramRecipe>(options);
  }
  throw Error(ErrorCode::internal, "training: a kind without a recipe; report this");
}

}  // namespace tidemill
