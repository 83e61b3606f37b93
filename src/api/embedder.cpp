#include "tidemill/embedder.h"

#include <algorithm>

#include "api/engine_impl.h"
#include "api/model_file.h"
#include "embed/running_vector.h"
#include "embed/stripped.h"
#include "text/jinja/unicode.h"
#include "text/unicode/utf8.h"

namespace tidemill {

std::optional<LongText> long_text_of(std::string_view name) {
  static constexpr std::pair<std::string_view, LongText> kNames[] = {{"cut", LongText::cut},
                                                                     {"mean", LongText::mean},
                                                                     {"max", LongText::max},
                                                                     {"tokens", LongText::by_tokens},
                                                                     {"position", LongText::by_position}};
  for (const auto& [known, kind] : kNames)
    if (known == name) return kind;
  return std::nullopt;
}

struct Embedder::Impl {
  Engine engine;
  SentenceModules modules;
  int64_t d_model;
  int64_t max_tokens;
  int64_t dimensions;

  std::string prompt(const EmbedOptions& options) const;
  std::string_view as_read(std::string_view text, std::string& lowered) const;
  std::vector<int32_t> ids_of(std::string_view text) const;
  std::vector<std::vector<int32_t>> parts_of(std::string_view text, int64_t overlap) const;
  int64_t prompt_length(const EmbedOptions& options) const;
  std::vector<float> vector_of(const Tensor& hidden, const EmbedInput& input) const;
  void check_dimensions(const EmbedInput& input) const;
  std::vector<std::vector<float>> embed(std::span<const EmbedInput> inputs,
                                        const std::function<bool()>& cancelled = {}) const;
  std::vector<float> joined(std::span<const EmbedInput> parts, std::span<const std::vector<float>> vectors,
                            LongText how) const;
};

std::string Embedder::Impl::prompt(const EmbedOptions& options) const {
  const std::string& name = options.prompt_name.empty() ? modules.default_prompt : options.prompt_name;
  if (name.empty()) return {};
  const auto found = modules.prompts.find(name);
  if (found != modules.prompts.end()) return found->second;
  std::string names;
  for (const auto& [known, text] : modules.prompts) names += (names.empty() ? "" : ", ") + known;
  throw Error(ErrorCode::invalid_argument, "prompt '" + printable(name, 100) + "': " + engine.path() +
                                               (names.empty() ? " has no prompts; leave it out" : " has " + names));
}

// What the tokenizer gets of a text; `lowered` holds what is no part of it.
std::string_view Embedder::Impl::as_read(std::string_view text, std::string& lowered) const {
  if (!modules.lowers_case) return stripped(text);
  lowered = jinja::to_lower(replace_invalid_utf8(stripped(text)));
  return lowered;
}

std::vector<int32_t> Embedder::Impl::ids_of(std::string_view text) const {
  const Truncation truncation{.max_length = static_cast<size_t>(max_tokens)};
  std::string lowered;
  return engine.tokenizer().encode(as_read(text, lowered), {.truncation = truncation});
}

std::vector<std::vector<int32_t>> Embedder::Impl::parts_of(std::string_view text, int64_t overlap) const {
  if (overlap < 0 || overlap > max_tokens / 2)
    throw Error(ErrorCode::invalid_argument,
                "overlap: must be from 0 to " + std::to_string(max_tokens / 2) + ", half of what the model reads");
  const Truncation truncation{.max_length = static_cast<size_t>(max_tokens), .stride = static_cast<size_t>(overlap)};
  std::string lowered;
  Encoding encoding = engine.tokenizer().encode_full(as_read(text, lowered), {.truncation = truncation});
  std::vector<std::vector<int32_t>> parts = {std::move(encoding.ids)};
  for (Encoding& part : encoding.overflowing) parts.push_back(std::move(part.ids));
  return parts;
}

// Tokens that a prompt of this model takes and that are not pooled; what ends a text is not among them.
int64_t Embedder::Impl::prompt_length(const EmbedOptions& options) const {
  const std::string text = prompt(options);
  if (modules.counts_prompt || text.empty()) return 0;
  const std::vector<int32_t> ids = ids_of(text);
  const bool has_end = !ids.empty() && engine.tokenizer().is_special(ids.back());
  return std::ssize(ids) - (has_end ? 1 : 0);
}

std::vector<float> Embedder::Impl::vector_of(const Tensor& hidden, const EmbedInput& input) const {
  std::vector<float> vector(modules.poolings.size() * static_cast<size_t>(d_model));
  for (size_t index = 0; index < modules.poolings.size(); ++index)
    pool(modules.poolings[index], hidden, input.first_pooled,
         std::span(vector).subspan(index * static_cast<size_t>(d_model), static_cast<size_t>(d_model)));
  for (const Dense& dense : modules.denses) vector = dense.apply(vector);
  if (input.dimensions > 0) vector.resize(static_cast<size_t>(input.dimensions));
  if (modules.is_normalized) normalize(vector);
  return vector;
}

void Embedder::Impl::check_dimensions(const EmbedInput& input) const {
  if (input.dimensions < 0 || input.dimensions > dimensions)
    throw Error(ErrorCode::invalid_argument, "dimensions: must be from 1 to " + std::to_string(dimensions));
}

std::vector<std::vector<float>> Embedder::Impl::embed(std::span<const EmbedInput> inputs,
                                                      const std::function<bool()>& cancelled) const {
  std::vector<std::vector<float>> vectors(inputs.size());
  std::vector<EncoderInput> texts;
  std::vector<size_t> places;  // of the texts among the inputs
  for (size_t index = 0; index < inputs.size(); ++index) {
    check_dimensions(inputs[index]);
    if (inputs[index].ids.empty()) {  // a tokenizer without special tokens makes nothing of an empty text
      const int64_t wanted = inputs[index].dimensions;
      vectors[index].resize(static_cast<size_t>(wanted > 0 ? wanted : dimensions));
      continue;
    }
    texts.push_back({.ids = inputs[index].ids});
    places.push_back(index);
  }
  engine.encode(texts, [&](size_t index, const Tensor& hidden) {
    vectors[places[index]] = vector_of(hidden, inputs[places[index]]);
    if (cancelled && cancelled()) throw Error(ErrorCode::cancelled, engine.path() + ": cancelled");
  });
  return vectors;
}

// The vector of a text that was read in parts.
std::vector<float> Embedder::Impl::joined(std::span<const EmbedInput> parts,
                                          std::span<const std::vector<float>> vectors, LongText how) const {
  if (parts.size() == 1) return vectors[0];
  RunningVector joined(how);
  for (size_t part = 0; part < parts.size(); ++part) joined.add(vectors[part], std::ssize(parts[part].ids));
  std::vector<float> vector = joined.value();
  if (modules.is_normalized) normalize(vector);
  return vector;
}

Embedder Embedder::load(const std::string& model, const EngineOptions& options) {
  return of(Engine::load(model, options));
}

Embedder Embedder::of(const Engine& engine) {
  if (!engine.is_encoder())
    throw Error(ErrorCode::unsupported,
                engine.path() + ": does not say how texts become vectors; give a model that makes embeddings");
  engine.tokenizer();  // throws for a model without one
  const int64_t d_model = engine.impl()->model->config().d_model;
  auto impl = std::make_shared<Impl>(Impl{.engine = engine,
                                          .modules = engine.impl()->open_files()->sentence_modules(d_model),
                                          .d_model = d_model,
                                          .max_tokens = engine.context_length(),
                                          .dimensions = 0});
  if (impl->modules.max_tokens > 0) impl->max_tokens = std::min(impl->max_tokens, impl->modules.max_tokens);
  impl->dimensions = impl->modules.dimensions(d_model);
  return Embedder(std::move(impl));
}

const Engine& Embedder::engine() const {
  return impl_->engine;
}
int64_t Embedder::dimensions() const {
  return impl_->dimensions;
}
int64_t Embedder::max_tokens() const {
  return impl_->max_tokens;
}
bool Embedder::is_normalized() const {
  return impl_->modules.is_normalized;
}
const std::map<std::string, std::string>& Embedder::prompts() const {
  return impl_->modules.prompts;
}

std::vector<int32_t> Embedder::encode(std::string_view text, const EmbedOptions& options) const {
  const std::string prompt = impl_->prompt(options);
  return prompt.empty() ? impl_->ids_of(text) : impl_->ids_of(prompt + std::string(text));
}

std::vector<std::vector<int32_t>> Embedder::encode_parts(std::string_view text, const EmbedOptions& options) const {
  if (options.long_text == LongText::cut) return {encode(text, options)};
  const std::string prompt = impl_->prompt(options);
  return prompt.empty() ? impl_->parts_of(text, options.overlap)
                        : impl_->parts_of(prompt + std::string(text), options.overlap);
}

std::vector<std::vector<float>> Embedder::embed(std::span<const std::string_view> texts,
                                                const EmbedOptions& options) const {
  const int64_t first = impl_->prompt_length(options);
  std::vector<EmbedInput> parts;  // of all texts
  std::vector<size_t> counts;     // of the parts of each text
  for (const std::string_view text : texts) {
    auto of_text = encode_parts(text, options);
    counts.push_back(of_text.size());
    for (auto& ids : of_text)
      parts.push_back({.ids = std::move(ids), .first_pooled = 0, .dimensions = options.dimensions});
    parts[parts.size() - of_text.size()].first_pooled = first;
  }
  auto vectors = impl_->embed(parts, options.cancelled);
  if (options.long_text == LongText::cut) return vectors;
  std::vector<std::vector<float>> results;
  size_t at = 0;
  for (const size_t n : counts) {
    results.push_back(
        impl_->joined(std::span(parts).subspan(at, n), std::span(vectors).subspan(at, n), options.long_text));
    at += n;
  }
  return results;
}

std::vector<std::vector<float>> Embedder::embed_ids(std::span<const std::vector<int32_t>> texts,
                                                    const EmbedOptions& options) const {
  std::vector<EmbedInput> inputs;
  for (const auto& ids : texts) inputs.push_back({.ids = ids, .first_pooled = 0, .dimensions = options.dimensions});
  return impl_->embed(inputs, options.cancelled);
}

EmbedInput Embedder::input(std::string_view text, const EmbedOptions& options) const {
  return {
      .ids = encode(text, options), .first_pooled = impl_->prompt_length(options), .dimensions = options.dimensions};
}

void Embedder::check(const EmbedInput& input) const {
  impl_->check_dimensions(input);
  if (!input.ids.empty()) engine().impl()->encoder->check({.ids = input.ids});
}

std::vector<std::vector<float>> Embedder::embed_inputs(std::span<const EmbedInput> inputs) const {
  return impl_->embed(inputs);
}

}  // namespace tidemill
