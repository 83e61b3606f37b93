// A descriptor that event loops of Python watch: readable while there may be something to take.
#pragma once

namespace tidemill::python {

// Used under a lock of its owner.
class ReadySignal {
 public:
  ReadySignal() = default;
  ~ReadySignal();
  ReadySignal(const ReadySignal&) = delete;
  ReadySignal& operator=(const ReadySignal&) = delete;

  // Made by the first call, then readable where `is_ready`; -1 where the system has none to give.
  int descriptor(bool is_ready);
  // Nothing before the first call of `descriptor`.
  void set();
  void clear();

 private:
  int descriptor_ = -1;
};

}  // namespace tidemill::python
