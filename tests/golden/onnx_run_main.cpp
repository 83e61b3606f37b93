// Runs an ONNX graph for tests: onnx_run_tool MODEL < inputs.json > outputs.json
//
// Inputs: {"NAME": {"kind": "real", "dims": [2], "data": ["1", "nan"]}}, kinds "real", "integer" and "boolean"; outputs
// likewise.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/onnx/program.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;
using nlohmann::json;

constexpr std::string_view kKinds[] = {"real", "integer", "boolean"};

onnx::Value read(const json& input, onnx::Budget& budget) {
  const std::string kind = input.at("kind");
  const json& data = input.at("data");
  const auto fill = [&]<typename T>(onnx::Value value, T*) {
    for (size_t i = 0; i < data.size(); ++i) {
      if constexpr (std::is_same_v<T, float>) {
        value.as<T>()[i] = std::stof(data[i].get<std::string>());  // JSON has no NaN
      } else {
        value.as<T>()[i] = data[i].get<T>();
      }
    }
    return value;
  };
  const onnx::Dims dims = input.at("dims");
  if (kind == "real") return fill(onnx::Value(onnx::Kind::real, dims, budget), static_cast<float*>(nullptr));
  if (kind == "integer") return fill(onnx::Value(onnx::Kind::integer, dims, budget), static_cast<int64_t*>(nullptr));
  return fill(onnx::Value(onnx::Kind::boolean, dims, budget), static_cast<bool*>(nullptr));
}

json written(const onnx::Value& value) {
  json data = json::array();
  for (int64_t i = 0; i < value.n(); ++i) {
    if (value.kind() == onnx::Kind::real) {
      char text[32];
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value.reals()[i]));
      data.push_back(text);
    } else if (value.kind() == onnx::Kind::integer) {
      data.push_back(value.integers()[i]);
    } else {
      data.push_back(value.booleans()[i]);
    }
  }
  return {{"kind", kKinds[static_cast<size_t>(value.kind())]}, {"dims", value.dims()}, {"data", data}};
}

void run(const std::string& path) {
  const auto file = std::make_shared<const OnnxFile>(path);
  std::vector<OnnxValue> wanted;
  for (const OnnxPort& port : file->graph().outputs) wanted.push_back(port.value);
  const onnx::Program program(file, wanted);
  onnx::Budget budget{.live_bytes = 1 << 28, .made_bytes = 1 << 28, .products = 1 << 28};
  std::vector<onnx::Binding> inputs;
  const json given = json::parse(std::cin);
  for (const OnnxPort& port : file->graph().inputs) {
    const std::string& name = file->graph().values[port.value];
    inputs.emplace_back(port.value, read(given.at(name), budget));
  }
  const auto values = program.run(inputs, budget, nullptr);
  json outputs = json::object();
  for (const OnnxValue value : wanted) outputs[file->graph().values[value]] = written(values[value]);
  std::cout << outputs.dump() << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    run(argv[1]);
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return exit_status(error.code());
  }
  return 0;
}
