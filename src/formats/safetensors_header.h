// The header of a safetensors file: read event by event into a few flat tables, so that a hostile one of 100 MB costs
// about four times its size in memory, eight times if it is one long number or string, and checked against every rule
// of the format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/safetensors_type.h"
#include "formats/text_pool.h"

namespace tidemill {

inline constexpr size_t kSafetensorsMaxHeaderBytes = 100'000'000;
inline constexpr size_t kSafetensorsMaxKeptRank = 8;

// One tensor as the header has it.
struct SafetensorsEntry {
  PooledText name;
  uint32_t rank = 0;
  const SafetensorsType* type = nullptr;
  std::array<uint64_t, kSafetensorsMaxKeptRank> dims{};  // outermost first; those past the kept rank are not here
  uint64_t begin = 0, end = 0;                           // bytes of the data, from its start
};

struct SafetensorsHeader {
  TextPool texts;
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::vector<uint32_t> by_name;          // positions in `entries`, sorted by name
  // `__metadata__`, sorted by key.
  std::vector<std::pair<PooledText, PooledText>> metadata;
  size_t data_offset = 0;  // of the data, from the start of the file

  std::string_view name(const SafetensorsEntry& entry) const { return texts[entry.name]; }
};

// Reads and checks the header of the file that `bytes` hold.  Throws bad_file, beginning with `file`, its name.
SafetensorsHeader read_safetensors_header(std::span<const std::byte> bytes, const std::string& file);

// Puts entries in the order of their data and fills `by_name`; throws bad_file unless no name and no key occurs twice
// and the data of the tensors follow each other, from 0 to `data_bytes`, without overlap and without a hole.
void check_safetensors_layout(SafetensorsHeader& header, uint64_t data_bytes, const std::string& file);

}  // namespace tidemill
