// A run-time library that may or may not be there.
#pragma once

#include <span>
#include <string>

namespace tidemill {

// Loaded until the process ends: drivers start threads that do not survive being unloaded.
class Library {
 public:
  // The first of `names` that the system's loader finds; none leaves the library empty.
  explicit Library(std::span<const char* const> names);

  bool is_loaded() const { return handle_ != nullptr; }
  const std::string& name() const { return name_; }

  // The function of that name as a pointer of type `Function`; throws unsupported when the library has none.
  template <typename Function>
  Function function(const char* name) const {
    return reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string name_;
  void* handle_ = nullptr;
};

}  // namespace tidemill
