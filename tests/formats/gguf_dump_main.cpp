// gguf_dump_tool FILE: what the GGUF reader says of a file, as JSON, for tests/formats/test_gguf.py.  A failure is one
// line on stderr and the exit status of its code.
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <variant>

#include "formats/gguf.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;
using nlohmann::json;

struct ToJson {
  template <typename Scalar>
  json operator()(const Scalar& value) const {
    return value;
  }
  json operator()(const StringList& list) const { return list.views(); }
  json operator()(const NumberArray& array) const {
    json list = json::array();
    for (size_t i = 0; i < array.size(); ++i) {
      if (array.type == GgufType::boolean) {
        list.push_back(array.integer(i) != 0);
      } else if (array.is_integer()) {
        list.push_back(array.integer(i));
      } else {
        list.push_back(array.number(i));
      }
    }
    return {{"type", to_string(array.type)}, {"values", list}};
  }
};

json dump(const GgufFile& file) {
  json metadata = json::object(), tensors = json::array();
  for (const auto& [key, value] : file.metadata()) metadata[std::string(key)] = std::visit(ToJson{}, value);
  for (const std::string& name : file.names()) {
    const Tensor tensor = *file.find(name);
    const std::span bytes(tensor.as<const uint8_t>(), static_cast<size_t>(tensor.size_bytes()));
    uint64_t sum = 0;  // of bytes by their places, so that exchanged ones show
    for (size_t i = 0; i < bytes.size(); ++i) sum = sum * 31 + bytes[i];
    file.release(tensor);
    tensors.push_back(
        {{"name", name}, {"dtype", info(tensor.dtype()).name}, {"shape", tensor.shape().dims()}, {"sum", sum}});
  }
  return {{"version", file.version()}, {"metadata", metadata}, {"tensors", tensors}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    std::cout << dump(GgufFile(argv[1])).dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    return 0;
  } catch (const Error& error) {
    std::cerr << "error: " << printable(error.what()) << '\n';
    return exit_status(error.code());
  }
}
