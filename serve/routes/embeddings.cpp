// POST /v1/embeddings: texts to vectors.
// https://platform.openai.com/docs/api-reference/embeddings
#include <openssl/evp.h>

#include <functional>
#include <utility>

#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/prompts.h"
#include "serve/routes.h"
#include "tidemill/vector_json.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostInputs = 2048;
constexpr int64_t kCountedTokens = 512;  // so many are counted together

std::string base64(const std::vector<float>& vector) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(vector.data());  // little-endian, as clients expect
  const size_t n_bytes = vector.size() * sizeof(float);
  std::string text((n_bytes + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(n_bytes));
  text.pop_back();  // the zero behind it
  return text;
}

// One request: the answer grows as its vectors come.
class Job : public std::enable_shared_from_this<Job> {
 public:
  // `count` is told of texts and tokens as they are done.
  using Count = std::function<void(int64_t n_texts, int64_t n_tokens)>;
  Job(ServedEmbedder& model, EmbedOptions options, bool is_base64, std::shared_ptr<Answer> answer, Count count)
      : model_(model),
        options_(std::move(options)),
        is_base64_(is_base64),
        answer_(std::move(answer)),
        count_(std::move(count)) {}

  void add(const std::string& text) { inputs_.push_back(model_.embedder.input(text, options_)); }
  void add(std::vector<int32_t> ids) {
    inputs_.push_back({.ids = std::move(ids), .first_pooled = 0, .dimensions = options_.dimensions});
  }

  void start() {
    for (const EmbedInput& input : inputs_) n_tokens_of_.push_back(std::ssize(input.ids));
    const auto self = shared_from_this();
    const uint64_t number = model_.service.submit(
        {.inputs = std::move(inputs_),
         .on_vector = [self](size_t index, std::vector<float>&& vector) { self->take(index, vector); },
         .on_end = [self] { self->finish(); },
         .on_error = [self](const Error& error) { self->answer_->send(ApiError(error).response()); }});
    answer_->on_gone([&service = model_.service, number] { service.cancel(number); });
  }

 private:
  void take(size_t index, const std::vector<float>& vector) {
    body_ += index == 0 ? "" : ",";
    body_ += "{\"object\":\"embedding\",\"index\":" + std::to_string(index) + ",\"embedding\":";
    body_ += is_base64_ ? '"' + base64(vector) + '"' : vector_json(vector);
    body_ += "}";
    ++n_uncounted_;
    n_uncounted_tokens_ += n_tokens_of_[index];
    if (n_uncounted_tokens_ >= kCountedTokens) tell_count();
  }

  void tell_count() {
    n_tokens_ += n_uncounted_tokens_;
    count_(std::exchange(n_uncounted_, 0), std::exchange(n_uncounted_tokens_, 0));
  }

  void finish() {
    tell_count();
    const json usage = {{"prompt_tokens", n_tokens_}, {"total_tokens", n_tokens_}};
    answer_->send({.body = body_ + "],\"model\":" + to_text(model_.name) + ",\"usage\":" + to_text(usage) + "}"});
  }

  ServedEmbedder& model_;
  EmbedOptions options_;
  bool is_base64_;
  std::shared_ptr<Answer> answer_;
  Count count_;
  std::vector<EmbedInput> inputs_;    // until they are submitted
  std::vector<int64_t> n_tokens_of_;  // each input
  int64_t n_tokens_ = 0, n_uncounted_ = 0, n_uncounted_tokens_ = 0;
  std::string body_ = "{\"object\":\"list\",\"data\":[";
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
  const auto job = std::make_shared<Job>(model, std::move(options), format == "base64", answer, std::move(count));
  add_inputs(fields, model, *job);
  job->start();
}

}  // namespace tidemill::serve
