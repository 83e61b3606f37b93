#include "python/src/text_stream.h"

#include <chrono>

#include "python/src/ready_signal.h"

namespace tidemill::python {

// What the service's thread writes and a reader takes; it lives as long as either needs it.
struct TextStream::Shared {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Piece> pieces;
  std::optional<Result> result;
  std::optional<Error> error;
  ReadySignal signal;

  template <typename Change>
  void change(Change&& apply) {
    {
      const std::lock_guard lock(mutex);
      apply();
      signal.set();
    }
    changed.notify_all();
  }
  bool is_done() const { return result || error; }
};

TextStream::TextStream(std::shared_ptr<Service> service, Submission submission)
    : service_(std::move(service)), shared_(std::make_shared<Shared>()) {
  submission.on_event = [shared = shared_](const Event& event) {
    shared->change([&] {
      shared->pieces.push_back({event.id, std::string(event.text), {event.logprobs.begin(), event.logprobs.end()}});
    });
    return true;
  };
  submission.on_end = [shared = shared_](Result&& result) {
    shared->change([&] { shared->result = std::move(result); });
  };
  submission.on_error = [shared = shared_](const Error& error) { shared->change([&] { shared->error = error; }); };
  number_ = service_->submit(std::move(submission));
}

TextStream::~TextStream() {
  cancel();
}

std::vector<Piece> TextStream::take(double seconds) {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait_for(lock, std::chrono::duration<double>(seconds),
                            [&] { return !shared_->pieces.empty() || shared_->is_done(); });
  shared_->signal.clear();
  std::vector<Piece> taken(std::make_move_iterator(shared_->pieces.begin()),
                           std::make_move_iterator(shared_->pieces.end()));
  shared_->pieces.clear();
  return taken;
}

bool TextStream::has_ended() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->pieces.empty()) return false;
  if (shared_->error) throw *shared_->error;
  return shared_->result.has_value();
}

std::optional<Result> TextStream::result() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->result;
}

void TextStream::cancel() {
  service_->cancel(number_);
}

int TextStream::descriptor() {
  const std::lock_guard lock(shared_->mutex);
  return shared_->signal.descriptor(!shared_->pieces.empty() || shared_->is_done());
}

}  // namespace tidemill::python
