// Weights: named tensors of a model and the metadata that came with them, whatever file they lie in.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidemill/tensor.h"

namespace tidemill {

class Weights {
 public:
  virtual ~Weights() = default;

  // File name for messages.
  virtual const std::string& path() const = 0;
  // Names in file order.
  virtual std::vector<std::string> names() const = 0;
  // The tensor of that name, a view of mapped memory that lives as long as this object; nothing when absent.
  virtual std::optional<Tensor> find(std::string_view name) const = 0;
  // Whether tensors lie under our own names, one for each parameter of the model and as backends keep them: matrices in
  // panels, vectors as f32.
  virtual bool is_packed() const { return false; }
  // Called when `tensor` has been copied elsewhere and will not be read soon: its pages may leave memory.
  virtual void release(const Tensor& tensor) const = 0;
  // Called when `tensor` will not be read through this view again: memory that was made for it may go, once all of it
  // has been dropped.
  virtual void drop(const Tensor& tensor) const { static_cast<void>(tensor); }

  // The tensor of that name; throws bad_file naming it when it is absent or its shape is not `expected`.
  Tensor require(std::string_view name, const Shape& expected) const;
};

}  // namespace tidemill
