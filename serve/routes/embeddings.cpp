// POST /v1/embeddings: texts to vectors.
// https://platform.openai.com/docs/api-reference/embeddings
#include <openssl/evp.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <iterator>

#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/prompts.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostInputs = 2048;
constexpr size_t kSliceTokens = 512;  // after so many another request has its turn

std::string base64(const std::vector<float>& vector) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(vector.data());  // little-endian, as clients expect
  const size_t n_bytes = vector.size() * sizeof(float);
  std::string text((n_bytes + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(n_bytes));
  text.pop_back();  // the zero behind it
  return text;
}

// One request: its texts, and the vectors of those that are done.
class Job {
 public:
  // `count` is told of texts and tokens as they are done.
  using Count = std::function<void(int64_t n_texts, int64_t n_tokens)>;
  Job(const ServedEmbedder& model, EmbedOptions options, bool is_base64, std::shared_ptr<Answer> answer, Count count)
      : model_(model),
        options_(std::move(options)),
        is_base64_(is_base64),
        answer_(std::move(answer)),
        count_(std::move(count)) {}

  void add(std::string text) {
    std::vector<int32_t> ids = model_.embedder.encode(text, options_);
    n_tokens_ += ids.size();
    inputs_.push_back({.text = std::move(text), .ids = std::move(ids), .is_text = true});
  }
  void add(std::vector<int32_t> ids) {
    n_tokens_ += ids.size();
    inputs_.push_back({.text = {}, .ids = std::move(ids), .is_text = false});
  }

  void cancel() { has_gone_ = true; }

  // A slice of the work; false after the last.
  bool step() {
    if (has_gone_) return false;
    try {
      embed_slice();
      if (n_done_ < inputs_.size()) return true;
      answer_->send({.body = to_text(whole())});
    } catch (const Error& error) {
      answer_->send(ApiError(error).response());
    } catch (const std::exception& error) {
      answer_->send(ApiError(500, "internal: " + printable(error.what()), {}, "internal_error").response());
    }
    return false;
  }

 private:
  struct Input {
    std::string text;
    std::vector<int32_t> ids;
    bool is_text;  // given as text; a prompt may stand before it
  };

  void embed_slice() {
    const size_t begin = n_done_;
    size_t n_slice_tokens = 0;
    while (n_done_ < inputs_.size() && inputs_[n_done_].is_text == inputs_[begin].is_text &&
           (n_done_ == begin || n_slice_tokens < kSliceTokens))
      n_slice_tokens += inputs_[n_done_++].ids.size();
    std::vector<std::string_view> texts;
    std::vector<std::vector<int32_t>> ids;
    for (size_t index = begin; index < n_done_; ++index) {
      texts.push_back(inputs_[index].text);
      ids.push_back(std::move(inputs_[index].ids));
    }
    const auto vectors =
        inputs_[begin].is_text ? model_.embedder.embed(texts, options_) : model_.embedder.embed_ids(ids, options_);
    for (const auto& vector : vectors)
      data_.push_back({{"object", "embedding"},
                       {"index", data_.size()},
                       {"embedding", is_base64_ ? json(base64(vector)) : json(vector)}});
    count_(static_cast<int64_t>(vectors.size()), static_cast<int64_t>(n_slice_tokens));
  }

  json whole() {
    return {{"object", "list"},
            {"data", std::move(data_)},
            {"model", model_.name},
            {"usage", {{"prompt_tokens", n_tokens_}, {"total_tokens", n_tokens_}}}};
  }

  const ServedEmbedder& model_;
  EmbedOptions options_;
  bool is_base64_;
  std::shared_ptr<Answer> answer_;
  Count count_;
  std::vector<Input> inputs_;
  size_t n_done_ = 0;  // of the inputs
  size_t n_tokens_ = 0;
  json data_ = json::array();
  std::atomic<bool> has_gone_ = false;
};

void add_input(const json& input, const ServedEmbedder& model, Job& job) {
  if (input.is_string())
    job.add(input.get<std::string>());
  else
    job.add(read_ids(input, model.embedder.engine().vocab_size(), "input"));
}

void add_inputs(const Fields& fields, const ServedEmbedder& model, Job& job) {
  const json* input = fields.find("input");
  if (input == nullptr) fields.fail("input", "is missing; give a text, a list of texts or token ids");
  const bool is_list = input->is_array() && (input->empty() || !(*input)[0].is_number());
  if (!is_list) return add_input(*input, model, job);
  if (input->empty()) fields.fail("input", "must not be an empty list");
  if (input->size() > kMostInputs) fields.fail("input", "has more than " + std::to_string(kMostInputs) + " entries");
  for (const json& entry : *input) add_input(entry, model, job);
}

}  // namespace

void post_embeddings(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedEmbedder& model = app.models.find_embedder(fields.text("model"));
  const std::string format = fields.text("encoding_format").value_or("float");
  if (format != "float" && format != "base64") fields.fail("encoding_format", "must be 'float' or 'base64'");
  EmbedOptions options{.prompt_name = fields.text("prompt_name").value_or(""),
                       .dimensions = fields.integer("dimensions", 1, model.embedder.dimensions()).value_or(0)};
  if (!options.prompt_name.empty() && !model.embedder.prompts().contains(options.prompt_name))
    fields.fail("prompt_name", "is not the name of one of the model's prompts");
  auto count = [&app, name = model.name, client = request.client](int64_t n_texts, int64_t n_tokens) {
    app.metrics.count_embeddings(name, n_texts, n_tokens);
    if (app.rate_limiter) app.rate_limiter->take_tokens(client, n_tokens);
  };
  auto job = std::make_shared<Job>(model, std::move(options), format == "base64", answer, std::move(count));
  add_inputs(fields, model, *job);
  answer->on_gone([weak = std::weak_ptr<Job>(job)] {
    if (const auto gone = weak.lock()) gone->cancel();
  });
  model.queue.add([job] { return job->step(); });
}

}  // namespace tidemill::serve
