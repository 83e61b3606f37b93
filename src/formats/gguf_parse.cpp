#include "formats/gguf_parse.h"

#include <algorithm>
#include <bit>
#include <string_view>

namespace tidemill {
namespace {

// The shortest entries: a key of one byte (8 + 1), its type (4) and a value of one byte; a name of one byte (8 + 1), a
// rank (4), one dimension (8), a type (4) and an offset (8).
constexpr size_t kMinMetadataBytes = 14;
constexpr size_t kMinTensorBytes = 33;

constexpr size_t kDefaultAlignment = 32;
constexpr size_t kMinAlignment = 8;  // of the format, and of the largest number in a tensor
constexpr size_t kMaxAlignment = 1 << 20;

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::ranges::equal(bytes.first(text.size()), std::as_bytes(std::span(text.data(), text.size())));
}

void read_magic(GgufCursor& cursor, const std::string& file) {
  if (starts_with(cursor.bytes(), "version https://git-lfs")) {
    throw Error(ErrorCode::bad_file, file + ": a Git LFS pointer, not the model itself; fetch it with `git lfs pull`");
  }
  if (!starts_with(cursor.bytes(), "GGUF")) {
    throw Error(ErrorCode::bad_file, file + ": not a GGUF file (it does not begin with GGUF); give a .gguf model");
  }
  cursor.view(4);
}

int read_version(GgufCursor& cursor) {
  const auto version = cursor.number<uint32_t>();
  if (version == 2 || version == 3) return static_cast<int>(version);
  if (version == 1) {
    cursor.fail_unsupported("says GGUF version 1, which is no longer read", "convert the model again with a new tool");
  }
  if (version != 0 && (version & 0xffff) == 0) {
    cursor.fail_unsupported("says big-endian GGUF, which is not read", "use the little-endian file of this model");
  }
  if (version == 0) cursor.fail_damaged("version 0 does not exist");
  cursor.fail_unsupported("says GGUF version " + std::to_string(version) + ", newer than versions 2 and 3",
                          "update tidemill or use an older file");
}

size_t alignment_of(const GgufMetadata& metadata, GgufCursor& cursor) {
  const auto entry = metadata.find("general.alignment");
  if (entry == metadata.end()) return kDefaultAlignment;
  cursor.set_place("metadata 'general.alignment'");
  const auto* const alignment = std::get_if<uint64_t>(&entry->second);
  if (alignment == nullptr) cursor.fail_damaged(describe(entry->second) + ", expected an unsigned integer");
  if (!std::has_single_bit(*alignment) || *alignment < kMinAlignment || *alignment > kMaxAlignment) {
    cursor.fail_damaged(grouped(*alignment) + " is not a power of two from 8 to " + grouped(kMaxAlignment));
  }
  return static_cast<size_t>(*alignment);
}

}  // namespace

GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& file) {
  GgufCursor cursor(bytes, file);
  GgufContents contents;
  read_magic(cursor, file);
  contents.version = read_version(cursor);
  cursor.set_place("the number of tensors");
  const size_t n_tensors = cursor.count(kMinTensorBytes, kGgufMaxTensors);
  cursor.set_place("the number of metadata entries");
  const size_t n_entries = cursor.count(kMinMetadataBytes, kGgufMaxMetadata);
  read_gguf_metadata(cursor, n_entries, contents);
  contents.tensors = read_gguf_tensors(cursor, n_tensors, alignment_of(contents.metadata, cursor));
  return contents;
}

}  // namespace tidemill
