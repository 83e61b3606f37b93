// Service: a scheduler and the thread that steps it.
#include "tidemill/service.h"

#include <atomic>
#include <thread>
#include <utility>

#include "api/engine_impl.h"
#include "api/fine_tune.h"
#include "runtime/scheduler.h"
#include "runtime/token_ids.h"

namespace tidemill {

class Service::Impl {
 public:
  Impl(const Engine& engine, const ServiceOptions& options)
      : engine_(engine),
        states_(engine.impl()->require_states()),
        scheduler_(*engine.impl()->runner, states_, engine.impl()->tokenizer, options),
        stepper_([this] { serve(); }) {}

  ~Impl() {
    is_ending_ = true;
    scheduler_.wake();
    stepper_.join();
    scheduler_.end_all();
  }

  uint64_t submit(Submission submission) {
    Request& request = submission.request;
    if (request.prompt_ids.empty() && !request.prompt.empty())
      request.prompt_ids = engine_.tokenizer().encode(std::exchange(request.prompt, {}));
    expect_ids_inside(request.prompt_ids, engine_.vocab_size());
    const Engine& asked = submission.engine ? *submission.engine : engine_;
    if (!asked.shares_weights_with(engine_))
      throw Error(ErrorCode::invalid_argument, asked.path() + ": is not over the weights of the service's model; " +
                                                   "give an engine of Engine::with_deltas");
    std::shared_ptr<WeightVersions> versions = asked.fine_tune();
    return scheduler_.submit(std::move(submission), std::move(versions));
  }

  const Engine& engine() const { return engine_; }
  Scheduler& scheduler() { return scheduler_; }

 private:
  void serve() {
    while (!is_ending_)
      if (!scheduler_.step()) scheduler_.wait();
  }

  Engine engine_;
  StatePool& states_;
  Scheduler scheduler_;
  std::atomic<bool> is_ending_ = false;
  std::thread stepper_;
};

Service::Service(const Engine& engine, const ServiceOptions& options)
    : impl_(std::make_unique<Impl>(engine, options)) {}
Service::~Service() = default;

uint64_t Service::submit(Submission submission) {
  return impl_->submit(std::move(submission));
}
void Service::cancel(uint64_t number) {
  impl_->scheduler().cancel(number);
}
const Engine& Service::engine() const {
  return impl_->engine();
}
ServiceStatistics Service::statistics() const {
  return impl_->scheduler().statistics();
}

}  // namespace tidemill
