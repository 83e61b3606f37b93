#include "formats/group_scheme.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr std::string_view kField = "quantization_config";
constexpr int64_t kLargestGroup = int64_t{1} << 31;

// An object of the configuration, and where it stands, for messages.
class Section {
 public:
  Section(const json& object, std::string path, std::string where)
      : object_(object), path_(std::move(path)), where_(std::move(where)) {
    if (!object.is_object()) fail_damaged("", "is no object");
  }

  // The value; null where it is missing.
  const json& value(std::string_view name) const {
    static const json kNull;
    const auto found = object_.find(name);
    return found == object_.end() ? kNull : *found;
  }
  // The first of these that is there; else the first of all.
  std::string_view named(std::initializer_list<std::string_view> names) const {
    const auto is_there = [&](std::string_view name) { return !value(name).is_null(); };
    const auto* const found = std::find_if(names.begin(), names.end(), is_there);
    return found == names.end() ? *names.begin() : *found;
  }
  bool is_empty(std::string_view name) const {
    const json& found = value(name);
    return found.is_null() || found == false || ((found.is_object() || found.is_array()) && found.empty());
  }
  std::string text(std::string_view name, std::string_view fallback) const {
    const json& found = value(name);
    if (found.is_null()) return std::string(fallback);
    if (!found.is_string()) fail_damaged(name, "is " + found.dump() + ", expected a text");
    std::string result = found.get<std::string>();
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
  }
  int64_t integer(std::string_view name, int64_t fallback) const {
    const json& found = value(name);
    if (found.is_null()) return fallback;
    if (!found.is_number_integer()) fail_damaged(name, "is " + found.dump() + ", expected a whole number");
    return found.get<int64_t>();
  }
  bool flag(std::string_view name, bool fallback) const {
    const json& found = value(name);
    if (found.is_null()) return fallback;
    if (!found.is_boolean()) fail_damaged(name, "is " + found.dump() + ", expected true or false");
    return found.get<bool>();
  }
  Section section(std::string_view name) const { return {value(name), path_, full_name(name)}; }
  const json& object() const { return object_; }

  // The value of `name` is not one of those that are read.
  void expect_text(std::string_view name, std::string_view fallback,
                   std::initializer_list<std::string_view> known) const {
    const std::string found = text(name, fallback);
    if (std::ranges::find(known, found) != known.end()) return;
    std::string list;
    for (const std::string_view one : known) list += (list.empty() ? "" : ", ") + std::string(one);
    fail_unread(name, "'" + found + "'", list);
  }
  void expect_nothing(std::string_view name) const {
    if (!is_empty(name)) fail_unread(name, "there", "weights without it");
  }
  [[noreturn]] void fail_unread(std::string_view name, const std::string& found, const std::string& read) const {
    throw Error(ErrorCode::unsupported, path_ + ": " + full_name(name) + " is " + found + ", read is " + read +
                                            "; take another quantisation of the model, or the plain one");
  }
  [[noreturn]] void fail_damaged(std::string_view name, const std::string& why) const {
    throw Error(ErrorCode::bad_file, path_ + ": " + full_name(name) + " " + why + "; the file is damaged");
  }

 private:
  std::string full_name(std::string_view name) const {
    return name.empty() ? where_ : where_ + "." + std::string(name);
  }

  const json& object_;
  std::string path_, where_;
};

// -1, as these tools write it, and nothing at all stand for whole rows.
int64_t group_size_of(const Section& section, int64_t fallback) {
  const int64_t size = section.integer("group_size", fallback);
  if (size == -1) return 0;
  if (size < 1 || size > kLargestGroup) section.fail_damaged("group_size", "is " + std::to_string(size));
  return size;
}

int bits_of(const Section& section, std::string_view name, std::initializer_list<int64_t> known, int64_t fallback) {
  const int64_t bits = section.integer(name, fallback);
  if (std::ranges::find(known, bits) != known.end()) return static_cast<int>(bits);
  std::string list;
  for (const int64_t one : known) list += (list.empty() ? "" : ", ") + std::to_string(one);
  section.fail_unread(name, std::to_string(bits), list);
}

GroupScheme awq_scheme(const Section& section) {
  section.expect_text(section.named({"version", "format", "checkpoint_format"}), "gemm", {"gemm"});
  const GroupKind kind{.bits = bits_of(section, section.named({"bits", "w_bit"}), {4}, 4),
                       .group_size = group_size_of(section, 128),
                       .has_zeros = section.flag("zero_point", true)};
  return {GroupFormat::awq, {kind}};
}

// Of layers that `dynamic` speaks of, and of the others.
std::vector<GroupKind> gptq_kinds(const Section& section) {
  const auto bits = [](const Section& of, int64_t fallback) { return bits_of(of, "bits", {2, 3, 4, 8}, fallback); };
  std::vector<GroupKind> kinds{{.bits = bits(section, 4), .group_size = group_size_of(section, 128)}};
  if (section.is_empty("dynamic")) return kinds;
  const Section dynamic = section.section("dynamic");
  for (const auto& [pattern, value] : dynamic.object().items()) {
    if (value.is_boolean() || value.is_null()) continue;  // a layer that is left as it is
    const Section layer = dynamic.section(pattern);
    const GroupKind kind{
        .bits = bits(layer, kinds[0].bits),
        .group_size = layer.value("group_size").is_null() ? kinds[0].group_size : group_size_of(layer, 128)};
    if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds;
}

GroupScheme gptq_scheme(const Section& section) {
  const std::string_view name = section.named({"checkpoint_format", "format"});
  section.expect_text(name, "gptq", {"gptq", "gptq_v2"});
  section.expect_text("pack_dtype", "int32", {"int32"});
  for (const std::string_view other : {"is_marlin_format", "rotation", "adapter"}) section.expect_nothing(other);
  const bool is_v2 = section.text(name, "gptq") == "gptq_v2";
  return {is_v2 ? GroupFormat::gptq_v2 : GroupFormat::gptq, gptq_kinds(section)};
}

GroupKind compressed_kind(const Section& group) {
  for (const std::string_view name : {"input_activations", "output_activations"}) group.expect_nothing(name);
  group.expect_text("format", "pack-quantized", {"pack-quantized"});
  const Section weights = group.section("weights");
  weights.expect_text("type", "int", {"int"});
  const bool is_grouped = weights.integer("group_size", -1) != -1;
  weights.expect_text("strategy", is_grouped ? "group" : "channel", {"group", "channel"});
  if (!weights.is_empty("dynamic")) weights.fail_unread("dynamic", weights.value("dynamic").dump(), "false");
  return {.bits = bits_of(weights, "num_bits", {2, 3, 4, 5, 6, 7, 8}, 8),
          .group_size = is_grouped ? group_size_of(weights, -1) : 0,
          .has_zeros = !weights.flag("symmetric", true)};
}

GroupScheme compressed_scheme(const Section& section) {
  section.expect_text("format", "dense", {"pack-quantized"});
  for (const std::string_view name : {"kv_cache_scheme", "transform_config"}) section.expect_nothing(name);
  if (!section.is_empty("sparsity_config"))
    section.section("sparsity_config").expect_text("format", "dense", {"dense"});
  GroupScheme scheme{GroupFormat::compressed_tensors, {}};
  const Section groups = section.section("config_groups");
  for (const auto& [name, value] : groups.object().items()) {
    const GroupKind kind = compressed_kind(groups.section(name));
    if (std::ranges::find(scheme.kinds, kind) == scheme.kinds.end()) scheme.kinds.push_back(kind);
  }
  if (scheme.kinds.empty()) section.fail_damaged("config_groups", "is empty");
  return scheme;
}

}  // namespace

std::optional<GroupScheme> group_scheme(const json& config, const std::string& path) {
  const auto found = config.find(kField);
  if (found == config.end() || found->is_null()) return {};
  const Section section(*found, path, std::string(kField));
  const std::string method = section.text("quant_method", "");
  if (method == "mxfp4") return {};
  if (method == "awq") return awq_scheme(section);
  if (method == "gptq") return gptq_scheme(section);
  if (method == "compressed-tensors") return compressed_scheme(section);
  section.fail_unread("quant_method", "'" + method + "'", "awq, gptq and compressed-tensors");
}

}  // namespace tidemill
