#include "formats/weights.h"

namespace tidemill {

Tensor Weights::require(std::string_view name, const Shape& expected) const {
  const auto tensor = find(name);
  if (!tensor) {
    throw Error(ErrorCode::bad_file, path() + ": tensor '" + std::string(name) +
                                         "' is missing; the file is incomplete or of another architecture");
  }
  if (tensor->shape() != expected) {
    throw Error(ErrorCode::bad_file, path() + ": tensor '" + std::string(name) + "' is " + tensor->shape().to_string() +
                                         ", expected " + expected.to_string() +
                                         "; the file is damaged or of another architecture");
  }
  return *tensor;
}

}  // namespace tidemill
