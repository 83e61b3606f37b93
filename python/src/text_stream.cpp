#include "python/src/text_stream.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>

namespace tidemill::python {

// What the service's thread writes and a reader takes; it lives as long as either needs it.
struct TextStream::Shared {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Piece> pieces;
  std::optional<Result> result;
  std::optional<Error> error;
  int descriptor = -1;

  ~Shared() {
    if (descriptor >= 0) ::close(descriptor);
  }

  template <typename Change>
  void change(Change&& apply) {
    {
      const std::lock_guard lock(mutex);
      apply();
      if (descriptor >= 0) ::eventfd_write(descriptor, 1);
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
  uint64_t ignored = 0;
  if (shared_->descriptor >= 0) ::eventfd_read(shared_->descriptor, &ignored);
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
  if (shared_->descriptor < 0) {
    // What is there already can be taken at once.
    const bool has_some = !shared_->pieces.empty() || shared_->is_done();
    shared_->descriptor = ::eventfd(has_some ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
  }
  return shared_->descriptor;
}

}  // namespace tidemill::python
