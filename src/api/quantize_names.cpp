#include <array>
#include <utility>

#include "tidemill/quantize.h"

namespace tidemill {
namespace {

template <typename Value, size_t kSize>
using Names = std::array<std::pair<std::string_view, Value>, kSize>;

constexpr Names<QuantizeMethod, 4> kMethods = {{{"rtn", QuantizeMethod::rtn},
                                                {"awq", QuantizeMethod::awq},
                                                {"gptq", QuantizeMethod::gptq},
                                                {"best", QuantizeMethod::best}}};
constexpr Names<GroupLayout, 4> kLayouts = {{{"awq", GroupLayout::awq},
                                             {"gptq", GroupLayout::gptq},
                                             {"gptq_v2", GroupLayout::gptq_v2},
                                             {"compressed-tensors", GroupLayout::compressed_tensors}}};

template <typename Value, size_t kSize>
std::optional<Value> find(const Names<Value, kSize>& names, std::string_view wanted) {
  for (const auto& [name, value] : names)
    if (name == wanted) return value;
  return {};
}

}  // namespace

std::optional<QuantizeMethod> quantize_method_from_name(std::string_view name) {
  return find(kMethods, name);
}

std::optional<GroupLayout> group_layout_from_name(std::string_view name) {
  return find(kLayouts, name);
}

}  // namespace tidemill
