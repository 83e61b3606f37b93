// For tests of models: what a model makes of one piece, as text.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "text/pieces/piece_model.h"

namespace tidemill {

// "un:0-2 ##aff:2-5": each token with the bytes that it stands for.
inline std::string tokens_of(const PieceModel& model, std::string_view text) {
  const ByteRange piece{0, static_cast<uint32_t>(text.size())};
  std::vector<int32_t> ids;
  std::vector<ByteRange> ranges;
  model.encode(text, {&piece, 1}, *model.make_scratch(), {ids, &ranges});
  std::vector<int32_t> only_ids;
  model.encode(text, {&piece, 1}, *model.make_scratch(), {only_ids});
  EXPECT_EQ(only_ids, ids) << text;
  std::string result;
  for (size_t k = 0; k < ids.size(); ++k) {
    if (k > 0) result += ' ';
    result += std::string(model.token_name(ids[k])) + ':' + std::to_string(ranges[k].begin) + '-' +
              std::to_string(ranges[k].end);
  }
  return result;
}

}  // namespace tidemill
