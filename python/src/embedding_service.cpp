#include "python/src/embedding_service.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/src/arrays.h"
#include "python/src/module.h"
#include "python/src/ready_signal.h"

namespace tidemill::python {
namespace {

// Texts that are on their way to be vectors.
class EmbeddingAnswer {
 public:
  EmbeddingAnswer(std::shared_ptr<EmbeddingService> service, std::vector<EmbedInput> inputs)
      : service_(std::move(service)), shared_(std::make_shared<Shared>()) {
    shared_->vectors.resize(inputs.size());
    number_ = service_->submit(
        {.inputs = std::move(inputs),
         .on_vector = [shared = shared_](size_t index,
                                         std::vector<float>&& vector) { shared->vectors[index] = std::move(vector); },
         .on_end = [shared = shared_] { shared->end({}); },
         .on_error = [shared = shared_](const Error& error) { shared->end(error); }});
  }
  ~EmbeddingAnswer() { cancel(); }
  EmbeddingAnswer(const EmbeddingAnswer&) = delete;
  EmbeddingAnswer& operator=(const EmbeddingAnswer&) = delete;

  void cancel() { service_->cancel(number_); }
  // Becomes readable at the end.
  int descriptor() {
    const std::lock_guard lock(shared_->mutex);
    return shared_->signal.descriptor(shared_->has_ended);
  }
  // Throws what ended it.
  bool has_ended() const {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->error) throw *shared_->error;
    return shared_->has_ended;
  }
  // A row for each text, after the end.
  FloatMatrix rows() const {
    if (!has_ended()) throw Error(ErrorCode::invalid_argument, "embeddings: are not there yet; wait for their end");
    const auto& vectors = shared_->vectors;
    return matrix_of(std::ssize(vectors), std::ssize(vectors.front()), [&](float* target) {
      for (const auto& vector : vectors) target = std::copy(vector.begin(), vector.end(), target);
    });
  }

 private:
  // The service's thread writes `vectors` until `has_ended`, and nobody after.
  struct Shared {
    std::vector<std::vector<float>> vectors;
    mutable std::mutex mutex;
    bool has_ended = false;
    std::optional<Error> error;
    ReadySignal signal;

    void end(std::optional<Error> problem) {
      const std::lock_guard lock(mutex);
      has_ended = true;
      error = std::move(problem);
      signal.set();
    }
  };
  std::shared_ptr<EmbeddingService> service_;
  std::shared_ptr<Shared> shared_;
  uint64_t number_ = 0;
};

std::unique_ptr<EmbeddingAnswer> submit(const SharedEmbeddingService& self, const std::vector<std::string>& texts,
                                        const std::string& prompt_name, int64_t dimensions) {
  const nb::gil_scoped_release released;
  const EmbedOptions options{.prompt_name = prompt_name, .dimensions = dimensions};
  std::vector<EmbedInput> inputs;
  inputs.reserve(texts.size());
  for (const std::string& text : texts) inputs.push_back(self.service->embedder().input(text, options));
  return std::make_unique<EmbeddingAnswer>(self.service, std::move(inputs));
}

}  // namespace

void bind_embedding_service(nb::module_& module) {
  nb::class_<EmbeddingServiceStatistics>(module, "EmbeddingServiceStatistics",
                                         "What texts that share passes came to since the first.")
      .def_ro("n_tasks", &EmbeddingServiceStatistics::n_tasks, "Calls and streams that wait or run.")
      .def_ro("n_waiting", &EmbeddingServiceStatistics::n_waiting, "Texts.")
      .def_ro("n_texts", &EmbeddingServiceStatistics::n_texts)
      .def_ro("n_tokens", &EmbeddingServiceStatistics::n_tokens)
      .def_ro("n_passes", &EmbeddingServiceStatistics::n_passes);
  nb::class_<EmbeddingAnswer>(module, "EmbeddingAnswer")
      .def("descriptor", &EmbeddingAnswer::descriptor)
      .def("has_ended", &EmbeddingAnswer::has_ended)
      .def("rows", &EmbeddingAnswer::rows)
      .def("cancel", &EmbeddingAnswer::cancel);
  nb::class_<SharedEmbeddingService>(module, "EmbeddingService")
      .def(
          "__init__",
          [](SharedEmbeddingService* self, const Embedder& embedder, int64_t max_tasks) {
            const nb::gil_scoped_release released;
            new (self) SharedEmbeddingService{
                std::make_shared<EmbeddingService>(embedder, EmbeddingServiceOptions{.max_tasks = max_tasks})};
          },
          nb::arg("embedder"), nb::arg("max_tasks"))
      .def("submit", &submit, nb::arg("texts"), nb::arg("prompt_name"), nb::arg("dimensions"))
      .def("statistics", [](const SharedEmbeddingService& self) { return self.service->statistics(); });
}

}  // namespace tidemill::python
