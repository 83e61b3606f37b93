#include "serve/embedding_message.h"

#include "serve/fields.h"

namespace tidemill::serve {
namespace {

constexpr int64_t kMostTokens = 1 << 20;
constexpr double kMostMs = 1e6;

EmbeddingStreamOptions read_options(const Fields& fields) {
  EmbeddingStreamOptions options;
  const auto by = chunk_by_of(fields.text("chunk_by").value_or("tokens"));
  if (!by) fields.fail("chunk_by", "must be 'tokens', 'sentence' or 'time'");
  options.chunk_by = *by;
  options.chunk_tokens = fields.integer("chunk_tokens", 1, kMostTokens).value_or(options.chunk_tokens);
  options.overlap = fields.integer("overlap", 0, kMostTokens).value_or(options.overlap);
  options.max_chunk_ms = fields.number("chunk_ms", 0, kMostMs).value_or(options.max_chunk_ms);
  options.max_wait_ms = fields.number("wait_ms", 0, kMostMs).value_or(options.max_wait_ms);
  options.prompt_name = fields.text("prompt_name").value_or("");
  options.dimensions = fields.integer("dimensions", 1, kMostTokens).value_or(0);
  const std::string aggregate = fields.text("aggregate").value_or("none");
  if (aggregate == "none") return options;
  options.aggregate = long_text_of(aggregate);
  if (!options.aggregate || options.aggregate == LongText::cut)
    fields.fail("aggregate", "must be 'none', 'mean', 'max', 'tokens' or 'position'");
  return options;
}

}  // namespace

EmbeddingMessage read_embedding_message(const std::string& message) {
  const nlohmann::json body = parse_body(message);
  const Fields fields(body, "");
  EmbeddingMessage result{.text = fields.text("text").value_or(""),
                          .flushes = fields.boolean("flush").value_or(false),
                          .ends = fields.boolean("end").value_or(false),
                          .cancels = fields.boolean("cancel").value_or(false),
                          .model = fields.text("model"),
                          .options = read_options(fields)};
  const bool says_something = fields.find("text") != nullptr || result.flushes || result.ends || result.cancels;
  if (!says_something) fields.fail("text", "is missing; give some, or 'flush', 'end' or 'cancel'");
  return result;
}

}  // namespace tidemill::serve
