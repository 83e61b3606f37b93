#include "formats/group_scheme.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tidemill/error.h"

namespace tidemill {
namespace {

std::optional<GroupScheme> scheme_of(std::string_view quantization) {
  nlohmann::json config;
  config["quantization_config"] = nlohmann::json::parse(quantization);
  return group_scheme(config, "M/config.json");
}

void expect_refused(std::string_view quantization, ErrorCode code, const std::string& field) {
  try {
    scheme_of(quantization);
    FAIL() << quantization;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    const std::string message = error.what();
    EXPECT_EQ(message.find("M/config.json: quantization_config" + field + " "), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(GroupScheme, NothingWhereNothingIsQuantised) {
  EXPECT_FALSE(group_scheme(nlohmann::json::object(), "config.json"));
  EXPECT_FALSE(scheme_of("null"));
  EXPECT_FALSE(scheme_of(R"({"quant_method": "mxfp4"})"));
}

// As files on the hub have them.
TEST(GroupScheme, WhatTheToolsWrite) {
  const auto awq = scheme_of(R"({"bits": 4, "group_size": 128, "modules_to_not_convert": null, "quant_method": "awq",
                                 "version": "GEMM", "zero_point": true})");
  EXPECT_EQ(awq->format, GroupFormat::awq);
  EXPECT_EQ(awq->kinds, (std::vector<GroupKind>{{4, 128, true}}));
  const auto gptq = scheme_of(R"({"bits": 8, "damp_percent": 0.1, "desc_act": true, "group_size": -1, "sym": true,
                                  "is_marlin_format": false, "model_file_base_name": "model", "quant_method": "gptq"})");
  EXPECT_EQ(gptq->format, GroupFormat::gptq);
  EXPECT_EQ(gptq->kinds, (std::vector<GroupKind>{{8, 0, true}}));
  EXPECT_EQ(scheme_of(R"({"quant_method": "gptq", "checkpoint_format": "gptq_v2"})")->format, GroupFormat::gptq_v2);
  const auto packed = scheme_of(R"({"config_groups": {"group_0": {"input_activations": null, "output_activations": null,
      "targets": ["Linear"], "weights": {"actorder": "group", "block_structure": null, "dynamic": false,
      "group_size": 64, "num_bits": 4, "observer": "minmax", "observer_kwargs": {}, "strategy": "group",
      "symmetric": false, "type": "int"}}}, "format": "pack-quantized", "ignore": ["lm_head"], "kv_cache_scheme": null,
      "quant_method": "compressed-tensors", "quantization_status": "compressed"})");
  EXPECT_EQ(packed->format, GroupFormat::compressed_tensors);
  EXPECT_EQ(packed->kinds, (std::vector<GroupKind>{{4, 64, true}}));
}

TEST(GroupScheme, LayersMayDiffer) {
  const auto gptq = scheme_of(R"({"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic":
      {"-:lm_head": {}, "+:.*down.*": {"bits": 8, "group_size": 64}, ".*\\.0\\..*": {"bits": 8}, ".*\\.1\\..*": false}})");
  EXPECT_EQ(gptq->kinds, (std::vector<GroupKind>{{4, 128, true}, {8, 64, true}, {8, 128, true}}));
  const auto packed = scheme_of(R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups":
      {"a": {"weights": {"num_bits": 8, "strategy": "channel", "symmetric": true}},
       "b": {"weights": {"num_bits": 4, "group_size": 32, "symmetric": true}}}})");
  EXPECT_EQ(packed->kinds, (std::vector<GroupKind>{{8, 0, false}, {4, 32, false}}));
}

TEST(GroupScheme, RefusesWhatIsNotRead) {
  constexpr ErrorCode kUnsupported = ErrorCode::unsupported;
  expect_refused(R"({"quant_method": "fp8"})", kUnsupported, ".quant_method");
  expect_refused(R"({"quant_method": "bitsandbytes"})", kUnsupported, ".quant_method");
  expect_refused("{}", kUnsupported, ".quant_method");
  expect_refused(R"({"quant_method": "awq", "version": "gemv"})", kUnsupported, ".version");
  expect_refused(R"({"quant_method": "awq", "bits": 8})", kUnsupported, ".bits");
  expect_refused(R"({"quant_method": "gptq", "checkpoint_format": "marlin"})", kUnsupported, ".checkpoint_format");
  expect_refused(R"({"quant_method": "gptq", "is_marlin_format": true})", kUnsupported, ".is_marlin_format");
  expect_refused(R"({"quant_method": "gptq", "bits": 5})", kUnsupported, ".bits");
  expect_refused(R"({"quant_method": "gptq", "dynamic": {"a": {"bits": 6}}})", kUnsupported, ".dynamic.a.bits");
  for (const char* const format : {"nvfp4-pack-quantized", "float-quantized", "int-quantized", "marlin-24"})
    expect_refused(R"({"quant_method": "compressed-tensors", "format": ")" + std::string(format) + "\"}", kUnsupported,
                   ".format");
  const auto group = [](const std::string& what) {
    return R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"g": )" + what +
           "}}";
  };
  expect_refused(group(R"({"weights": {"type": "float"}})"), kUnsupported, ".config_groups.g.weights.type");
  expect_refused(group(R"({"weights": {}, "input_activations": {"num_bits": 8}})"), kUnsupported,
                 ".config_groups.g.input_activations");
  expect_refused(group(R"({"weights": {"strategy": "tensor"}})"), kUnsupported, ".config_groups.g.weights.strategy");
}

TEST(GroupScheme, RefusesWhatMakesNoSense) {
  constexpr ErrorCode kBad = ErrorCode::bad_file;
  expect_refused("[]", kBad, "");
  expect_refused("3", kBad, "");
  expect_refused(R"({"quant_method": 4})", kBad, ".quant_method");
  expect_refused(R"({"quant_method": "awq", "bits": "4"})", kBad, ".bits");
  for (const char* const size : {"0", "-2", "1.5", "9223372036854775807", "\"128\"", "[]"})
    expect_refused(R"({"quant_method": "awq", "group_size": )" + std::string(size) + "}", kBad, ".group_size");
  expect_refused(R"({"quant_method": "awq", "zero_point": 1})", kBad, ".zero_point");
  expect_refused(R"({"quant_method": "gptq", "dynamic": 3})", kBad, ".dynamic");
  expect_refused(R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {}})", kBad,
                 ".config_groups");
  expect_refused(R"({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"g": {}}})",
                 kBad, ".config_groups.g.weights");
}

}  // namespace
}  // namespace tidemill
