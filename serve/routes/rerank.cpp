// POST /rerank: documents in the order in which they answer a query.  Asked with "documents" it answers as Cohere and
// Jina do (https://docs.cohere.com/reference/rerank, https://jina.ai/reranker), with "texts" as
// text-embeddings-inference does:
//   {"query", "documents", "top_n", "return_documents"} -> {"results": [{"index", "relevance_score", "document"}], ...}
//   {"query", "texts", "return_text"} -> [{"index", "score", "text"}]
#include <atomic>
#include <functional>

#include "serve/api_error.h"
#include "serve/fields.h"
#include "serve/generation.h"
#include "serve/routes.h"

namespace tidemill::serve {
namespace {

using nlohmann::json;

constexpr size_t kMostDocuments = 2048;
constexpr size_t kMostQueryBytes = 64 << 10;  // it is read again beside each document
constexpr size_t kSliceBytes = 2048;          // of queries and documents; after so many another request has its turn

struct RankingOptions {
  bool is_list = false;  // the answer is in the form of text-embeddings-inference
  bool with_texts = false;
  size_t n_best = 0;  // 0: all
  ScoreScale scale = ScoreScale::model;
};

// One request: its documents, and the scores of those that are done.
class Ranking {
 public:
  // `count` is told of documents and tokens as they are done.
  using Count = std::function<void(int64_t n_documents, int64_t n_tokens)>;
  Ranking(const ServedReranker& model, const RankingOptions& options, std::string query,
          std::vector<std::string> documents, std::shared_ptr<Answer> answer, Count count)
      : model_(model),
        options_(options),
        query_(std::move(query)),
        documents_(std::move(documents)),
        answer_(std::move(answer)),
        count_(std::move(count)) {}

  void cancel() { has_gone_ = true; }

  // A slice of the work; false after the last.
  bool step() {
    if (has_gone_) return false;
    try {
      score_slice();
      if (scores_.size() < documents_.size()) return true;
      answer_->send({.body = to_text(options_.is_list ? list() : whole())});
    } catch (const Error& error) {
      answer_->send(ApiError(error).response());
    } catch (const std::exception& error) {
      answer_->send(ApiError(500, "internal: " + printable(error.what()), {}, "internal_error").response());
    }
    return false;
  }

 private:
  void score_slice() {
    std::vector<std::string_view> slice;
    for (size_t at = scores_.size(), n_bytes = 0; at < documents_.size() && n_bytes < kSliceBytes; ++at) {
      slice.push_back(documents_[at]);
      n_bytes += query_.size() + documents_[at].size();
    }
    int64_t n_tokens = 0;
    const std::vector<float> scores = model_.reranker.scores(query_, slice, options_.scale, &n_tokens);
    scores_.insert(scores_.end(), scores.begin(), scores.end());
    n_tokens_ += n_tokens;
    count_(std::ssize(slice), n_tokens);
  }

  std::vector<size_t> best() const {
    std::vector<size_t> places = ranking(scores_);
    if (options_.n_best > 0 && places.size() > options_.n_best) places.resize(options_.n_best);
    return places;
  }

  json list() const {
    json entries = json::array();
    for (const size_t place : best()) {
      entries.push_back({{"index", place}, {"score", scores_[place]}});
      if (options_.with_texts) entries.back()["text"] = documents_[place];
    }
    return entries;
  }

  json whole() const {
    json results = json::array();
    for (const size_t place : best()) {
      results.push_back({{"index", place}, {"relevance_score", scores_[place]}});
      if (options_.with_texts) results.back()["document"] = {{"text", documents_[place]}};
    }
    return {{"id", new_id("rerank-")},
            {"object", "list"},
            {"model", model_.name},
            {"results", std::move(results)},
            {"usage", {{"prompt_tokens", n_tokens_}, {"total_tokens", n_tokens_}}}};
  }

  const ServedReranker& model_;
  RankingOptions options_;
  std::string query_;
  std::vector<std::string> documents_;
  std::shared_ptr<Answer> answer_;
  Count count_;
  std::vector<float> scores_;
  int64_t n_tokens_ = 0;
  std::atomic<bool> has_gone_ = false;
};

// The list of that name: texts, or objects with one.
std::vector<std::string> read_documents(const Fields& fields, const std::string& name) {
  const json* list = fields.find(name);
  if (list == nullptr) fields.fail(name, "is missing; give a list of texts");
  if (!list->is_array() || list->empty()) fields.fail(name, "must be a list of at least one text");
  if (list->size() > kMostDocuments) fields.fail(name, "has more than " + std::to_string(kMostDocuments) + " entries");
  std::vector<std::string> documents;
  for (const json& entry : *list) {
    const json* text = &entry;
    if (entry.is_object() && entry.contains("text")) text = &entry["text"];
    if (!text->is_string())
      fields.fail(name + "[" + std::to_string(documents.size()) + "]", "must be a text, or an object with a text");
    documents.push_back(text->get<std::string>());
  }
  return documents;
}

}  // namespace

void post_rerank(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const json body = parse_body(request.body);
  const Fields fields(body, "");
  ServedReranker& model = app.models.find_reranker(fields.text("model"));
  auto query = fields.text("query");
  if (!query) fields.fail("query", "is missing; give the text that documents are to answer");
  if (query->size() > kMostQueryBytes) fields.fail("query", "is longer than 64 KiB");
  RankingOptions options{.is_list = fields.find("texts") != nullptr};
  if (options.is_list && fields.find("documents") != nullptr) fields.fail("texts", "stands for documents; give one");
  const bool with_documents = fields.boolean("return_documents").value_or(false);
  options.with_texts = fields.boolean("return_text").value_or(with_documents);
  options.n_best = static_cast<size_t>(fields.integer("top_n", 0, INT32_MAX).value_or(0));
  if (fields.boolean("raw_scores").value_or(false)) options.scale = ScoreScale::raw;
  auto count = [&app, name = model.name, client = request.client](int64_t n_documents, int64_t n_tokens) {
    app.metrics.count_rankings(name, n_documents, n_tokens);
    if (app.rate_limiter) app.rate_limiter->take_tokens(client, n_tokens);
  };
  auto job = std::make_shared<Ranking>(model, options, std::move(*query),
                                       read_documents(fields, options.is_list ? "texts" : "documents"), answer,
                                       std::move(count));
  answer->on_gone([weak = std::weak_ptr<Ranking>(job)] {
    if (const auto gone = weak.lock()) gone->cancel();
  });
  model.queue.add([job] { return job->step(); });
}

}  // namespace tidemill::serve
