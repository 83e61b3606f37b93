#include "models/registry.h"

#include <string>

#include "models/gemma3.h"

namespace tidemill {
namespace {

struct Architecture {
  std::string_view name;  // general.architecture of a GGUF
  std::unique_ptr<Model> (*from_gguf)(const GgufFile&);
};

constexpr Architecture kArchitectures[] = {
    {"gemma3", make_gemma3},
};

}  // namespace

std::unique_ptr<Model> make_model(const GgufFile& file) {
  const auto name = file.string("general.architecture");
  if (!name)
    throw Error(ErrorCode::bad_file, file.path() + ": general.architecture is missing; is this the GGUF of a model?");
  for (const Architecture& architecture : kArchitectures)
    if (architecture.name == *name) return architecture.from_gguf(file);
  std::string known;
  for (std::string_view other : architecture_names()) known += (known.empty() ? "" : ", ") + std::string(other);
  throw Error(ErrorCode::unsupported,
              file.path() + ": architecture '" + std::string(*name) + "' is not built; this version runs " + known);
}

std::vector<std::string_view> architecture_names() {
  std::vector<std::string_view> names;
  for (const Architecture& architecture : kArchitectures) names.push_back(architecture.name);
  return names;
}

}  // namespace tidemill
