// Fuzz target: any bytes as a config.json, and as an index of shards.  What is a document is one again when written.
// Seeds: tests/fuzz/corpus/json_file, made by tests/fuzz/make_safetensors_corpus.py.
#include "formats/fuzz_bytes.h"
#include "formats/json_file.h"
#include "formats/safetensors_index.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

void read_document(std::string_view text) {
  const nlohmann::json document = parse_json(text, "fuzz.json");
  // Infinities become null, so the second writing is compared with the third.
  const std::string written = parse_json(document.dump(), "fuzz.json").dump();
  if (parse_json(written, "fuzz.json").dump() != written) throw Error(ErrorCode::internal, "the document differs");
}

void read_index(std::string_view text) {
  const SafetensorsIndex index = read_safetensors_index(text, "fuzz.index.json");
  for (const auto& entry : index.entries) {
    const std::string& shard = index.shards.at(entry.shard);
    if (shard.find('/') != std::string::npos) throw Error(ErrorCode::internal, "a shard outside of the folder");
  }
}

}  // namespace
}  // namespace tidemill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemill;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  allow_refusals({ErrorCode::bad_file}, [&] { read_document(text); });
  allow_refusals({ErrorCode::bad_file}, [&] { read_index(text); });
  return 0;
}
