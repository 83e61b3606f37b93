// Embedder: texts to vectors, with the values of sentence-transformers.
//
//   auto embedder = tidemill::Embedder::load("all-minilm-l6-v2");
//   auto vectors = embedder.embed({"The tide mill stood", "Ein Mühlrad"});
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/engine.h"

namespace tidemill {

// What becomes of a text with more tokens than the model reads: it is cut there, or read in parts, whose vectors become
// one.
enum class LongText : uint8_t {
  cut,
  mean,         // of the vectors of the parts
  max,          // the greatest of them, element by element
  by_tokens,    // a mean in which each part weighs as many tokens as it has: the last one is often short
  by_position,  // a mean in which part i weighs 1 / (i + 1): texts begin with what they are about
};

// By the names "cut", "mean", "max", "tokens" and "position"; nothing for others.
std::optional<LongText> long_text_of(std::string_view name);

struct EmbedOptions {
  // Names one of the model's prompts, which stands before each text; empty: the model's default one, if it has any.
  std::string prompt_name = {};
  // The first so many elements of each vector (Matryoshka models are trained for it), of length 1 again where the
  // model's vectors are; 0: all.
  int64_t dimensions = 0;
  // A text of several parts has the length 1 again where the model's vectors have it.
  LongText long_text = LongText::cut;
  int64_t overlap = 0;  // tokens that a part shares with the one before; at most half of Embedder::max_tokens
  // Asked on the caller's thread after each text; true ends the work with Error(cancelled).
  std::function<bool()> cancelled = {};
};

// A text as the model reads it.
struct EmbedInput {
  std::vector<int32_t> ids;
  int64_t first_pooled = 0;  // tokens before this one, a prompt's, are read only
  int64_t dimensions = 0;    // as EmbedOptions has it
};

// Cheap to copy: copies share the model.  All functions may be called from any thread; they take turns at the model.
class Embedder {
 public:
  // `model` is a folder of sentence-transformers (modules.json) with an encoder or a decoder, any other folder or GGUF
  // of an encoder, a GGUF of a decoder that tells its pooling, or a name in the model store.  Without modules.json
  // vectors are means over the tokens, as sentence-transformers makes them; vectors of a GGUF have length 1.  A context
  // length of 0 in `options` means the model's. Throws what Engine::load throws, bad_file naming the file and field of
  // a module that is missing or does not fit, and unsupported for a module that is not known here and for models that
  // do not say how texts become vectors.
  static Embedder load(const std::string& model, const EngineOptions& options = {});
  // The same over a model that is loaded already.
  static Embedder of(const Engine& engine);

  const Engine& engine() const;
  int64_t dimensions() const;  // of a vector
  int64_t max_tokens() const;  // of a text; what follows is cut off or read in parts: LongText
  bool is_normalized() const;  // vectors have length 1
  const std::map<std::string, std::string>& prompts() const;

  // The ids of a text with its prompt, cut to max_tokens, with the special tokens that the model wants.  Throws
  // invalid_argument for a prompt that the model does not have.
  std::vector<int32_t> encode(std::string_view text, const EmbedOptions& options = {}) const;
  // The same in parts of at most max_tokens, each with special tokens; the prompt stands in the first.  One part where
  // options say `cut`.  Throws invalid_argument, too, for an overlap that is too great.
  std::vector<std::vector<int32_t>> encode_parts(std::string_view text, const EmbedOptions& options = {}) const;

  // A vector for each text, whatever is embedded with it.  Throws what `encode_parts` throws, and invalid_argument for
  // more dimensions than the model has.
  std::vector<std::vector<float>> embed(std::span<const std::string_view> texts,
                                        const EmbedOptions& options = {}) const;
  // The same for ids, which are taken as they are: no prompt, and nothing is cut off.  Throws context_full, too.
  std::vector<std::vector<float>> embed_ids(std::span<const std::vector<int32_t>> texts,
                                            const EmbedOptions& options = {}) const;

  // What `embed` does in two steps, for those who gather texts of many askers (EmbeddingService).  Texts are cut.
  EmbedInput input(std::string_view text, const EmbedOptions& options = {}) const;
  // Throws what `embed_inputs` would throw for this one: invalid_argument and context_full.
  void check(const EmbedInput& input) const;
  std::vector<std::vector<float>> embed_inputs(std::span<const EmbedInput> inputs) const;

 private:
  struct Impl;
  explicit Embedder(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace tidemill
