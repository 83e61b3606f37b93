#include "backends/registry.h"

#include <string>

#include "backends/cpu/backend.h"
#include "backends/reference/backend.h"

namespace tidemill {

namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Backend> (*make)(ThreadPool& pool, Precision precision, bool is_encoder);
};

constexpr Entry kBackends[] = {
    {"cpu",
     [](ThreadPool& pool, Precision precision, bool is_encoder) -> std::unique_ptr<Backend> {
       return std::make_unique<CpuBackend>(pool, precision, is_encoder);
     }},
    {"reference",
     [](ThreadPool&, Precision, bool) -> std::unique_ptr<Backend> { return std::make_unique<ReferenceBackend>(); }},
};

}  // namespace

std::unique_ptr<Backend> make_backend(std::string_view name, ThreadPool& pool, Precision precision, bool is_encoder) {
  std::string names;
  for (const Entry& entry : kBackends) {
    if (entry.name == name) return entry.make(pool, precision, is_encoder);
    names += names.empty() ? "" : ", ";
    names += entry.name;
  }
  throw Error(ErrorCode::not_found,
              "backend '" + std::string(name) + "': there is no such backend; choose from " + names);
}

}  // namespace tidemill
