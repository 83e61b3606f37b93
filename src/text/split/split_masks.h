// The known split patterns, many pieces at once: windows of 64 characters become bits, from which arithmetic derives
// where pieces start.  What this does not decide, split_scanner.h does.
#pragma once

#include <string_view>
#include <vector>

#include "text/split/split_scanner.h"
#include "text/split/splitter.h"

namespace tidemill {

// As Splitter::split.
size_t split_by_masks(const Gpt2Rules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces);
size_t split_by_masks(const Cl100kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces);
size_t split_by_masks(const O200kRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces);
size_t split_by_masks(const DeepSeekRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces);
size_t split_by_masks(const FalconRules& rules, std::string_view text, size_t from, size_t max_pieces,
                      std::vector<ByteRange>& pieces);

}  // namespace tidemill
