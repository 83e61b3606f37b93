// Fuzz target: any bytes as a config.json, and as an index of shards.  What is a document is one again when written.
// Seeds: tests/fuzz/corpus/json_file, made by tests/fuzz/make_safetensors_corpus.py.
#include "formats/json_file.h"
#include "formats/safetensors_index.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

template <typename Call>
void allow_bad_file(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_file) throw;
  }
}

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
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tidemill::allow_bad_file([&] { tidemill::read_document(text); });
  tidemill::allow_bad_file([&] { tidemill::read_index(text); });
  return 0;
}
