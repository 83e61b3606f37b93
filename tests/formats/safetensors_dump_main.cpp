// safetensors_dump_tool FILE: what the safetensors reader says of a file, as JSON, for
// tests/formats/test_safetensors.py. A failure is one line on stderr and the exit status of its code.
// `safetensors_dump_tool -` answers many headers: for each line with a path on stdin one line, "ok" or the message.
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "formats/safetensors.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;
using nlohmann::json;

// A sum of bytes by their places, so that exchanged ones show.
uint64_t sum_of(std::span<const std::byte> bytes) {
  uint64_t sum = 0;
  for (const std::byte byte : bytes) sum = sum * 31 + std::to_integer<uint64_t>(byte);
  return sum;
}

json dump_tensor(const SafetensorsFile& file, const std::string& name) {
  json entry = {{"name", name}};
  try {
    const RawSafetensor raw = *file.raw(name);
    entry.update({{"type", raw.type->name}, {"dims", raw.dims}, {"raw_sum", sum_of(raw.data)}});
    const Tensor tensor = *file.find(name);
    entry.update({{"dtype", info(tensor.dtype()).name}, {"shape", tensor.shape().dims()}});
    entry["sum"] = sum_of({tensor.as<const std::byte>(), static_cast<size_t>(tensor.size_bytes())});
    file.release(tensor);
  } catch (const Error& error) {
    entry["error"] = error.what();
  }
  return entry;
}

json dump(const SafetensorsFile& file) {
  json metadata = json::object(), tensors = json::array();
  for (const std::string_view key : file.metadata_keys()) metadata[std::string(key)] = *file.metadata(key);
  for (const std::string& name : file.names()) tensors.push_back(dump_tensor(file, name));
  return {{"metadata", metadata}, {"tensors", tensors}};
}

void answer_many() {
  for (std::string path; std::getline(std::cin, path);) {
    try {
      const SafetensorsFile file(path);
      std::cout << "ok\n";
    } catch (const Error& error) {
      std::cout << printable(error.what()) << '\n';
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (std::string_view(argv[1]) == "-") {
    answer_many();
    return 0;
  }
  try {
    std::cout << dump(SafetensorsFile(argv[1])).dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    return 0;
  } catch (const Error& error) {
    std::cerr << "error: " << printable(error.what()) << '\n';
    return exit_status(error.code());
  }
}
