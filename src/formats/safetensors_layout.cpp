// The rules that hold between the tensors of a header, after each has been checked by itself.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "formats/safetensors_header.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

[[noreturn]] void fail(const std::string& file, const std::string& why, std::string_view way_out) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; " + std::string(way_out));
}

constexpr std::string_view kDamaged = "the file is damaged, download it again";

// The library keeps the last of two tensors of one name; the format forbids them.
void index_names(SafetensorsHeader& header, const std::string& file) {
  const auto name = [&](uint32_t index) { return header.name(header.entries[index]); };
  header.by_name.resize(header.entries.size());
  std::iota(header.by_name.begin(), header.by_name.end(), 0);
  std::ranges::sort(header.by_name, {}, name);
  const auto twice = std::ranges::adjacent_find(header.by_name, {}, name);
  if (twice != header.by_name.end()) fail(file, "tensor " + quoted(name(*twice)) + " occurs twice", kDamaged);
}

void index_metadata(SafetensorsHeader& header, const std::string& file) {
  const auto key = [&](const auto& item) { return header.texts[item.first]; };
  std::ranges::sort(header.metadata, {}, key);
  const auto twice = std::ranges::adjacent_find(header.metadata, {}, key);
  if (twice != header.metadata.end()) fail(file, "metadata " + quoted(key(*twice)) + " occurs twice", kDamaged);
}

}  // namespace

void check_safetensors_layout(SafetensorsHeader& header, uint64_t data_bytes, const std::string& file) {
  std::ranges::stable_sort(header.entries, {},
                           [](const SafetensorsEntry& entry) { return std::tie(entry.begin, entry.end); });
  index_names(header, file);  // before the offsets, which two tensors of one name seldom get right
  index_metadata(header, file);
  uint64_t expected = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.begin != expected) {
      fail(file,
           "tensor " + quoted(header.name(entry)) + ": its data begin at " + grouped(entry.begin) + ", expected " +
               grouped(expected) + ": " + (entry.begin < expected ? "they overlap those before" : "a hole is before"),
           kDamaged);
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    fail(file, "the tensors have " + grouped(expected) + " bytes, the file holds " + grouped(data_bytes),
         expected > data_bytes ? "the file is truncated, download it again" : kDamaged);
  }
}

}  // namespace tidemill
