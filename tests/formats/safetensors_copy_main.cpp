// safetensors_copy_tool IN OUT ALIGNMENT: a file as our reader sees it, written by our writer in the library's order,
// in pieces of odd sizes; for tests/formats/test_safetensors_writer.py.
#include <algorithm>
#include <iostream>
#include <string>

#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "tidemill/error.h"

namespace {

using namespace tidemill;

void copy(const SafetensorsFile& in, const std::string& out, size_t alignment) {
  constexpr size_t kPieceBytes = 1021;
  std::vector<SafetensorSpec> tensors;
  for (const std::string& name : in.names()) {
    const RawSafetensor raw = *in.raw(name);
    tensors.push_back({name, raw.type, {raw.dims.begin(), raw.dims.end()}});
  }
  sort_as_library(tensors);
  SafetensorsMetadata metadata;
  for (const std::string_view key : in.metadata_keys()) metadata.emplace_back(key, *in.metadata(key));
  SafetensorsWriter writer(out, tensors, metadata, alignment);
  for (const SafetensorSpec& tensor : tensors) {
    const auto data = in.raw(tensor.name)->data;
    for (size_t at = 0; at < data.size(); at += kPieceBytes) {
      writer.write(data.subspan(at, std::min(kPieceBytes, data.size() - at)));
    }
  }
  writer.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    copy(SafetensorsFile(argv[1]), argv[2], std::stoul(argv[3]));
    return 0;
  } catch (const Error& error) {
    std::cerr << "error: " << printable(error.what()) << '\n';
    return exit_status(error.code());
  }
}
