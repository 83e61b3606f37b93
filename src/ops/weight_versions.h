// WeightVersions: what a fine-tune has in place of some of its base's weights.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tidemill/error.h"
#include "tidemill/tensor.h"

namespace tidemill {

// A weight as kernels read it, in memory that lives as long as somebody holds it.
struct HeldWeight {
  Tensor tensor;
  std::shared_ptr<const void> memory;
};

// A version that could not be had, as for want of memory: a pass over rows of several fine-tunes fails by one of them.
class VersionFailed : public Error {
 public:
  VersionFailed(uint64_t number, ErrorCode code, const std::string& why) : Error(code, why), number_(number) {}
  uint64_t number() const { return number_; }  // WeightVersions::number

 private:
  uint64_t number_;
};

// `replaces` may be called from any thread, `find` from the one that computes.
class WeightVersions {
 public:
  WeightVersions() = default;
  virtual ~WeightVersions() = default;
  WeightVersions(const WeightVersions&) = delete;
  WeightVersions& operator=(const WeightVersions&) = delete;

  // Tells it from all others of the process, those that are gone among them; never 0.
  uint64_t number() const { return number_; }

  // Whether there is a version of `weight`, a tensor of the base as its backend has it.
  virtual bool replaces(const Tensor& weight) const = 0;
  // The version of such a weight, of its shape and dtype.  Throws what reading it throws.
  virtual HeldWeight find(const Tensor& weight) = 0;

 private:
  static inline std::atomic<uint64_t> last_number_ = 0;
  uint64_t number_ = ++last_number_;
};

}  // namespace tidemill
