#include "text/plain_units.h"

#include <algorithm>
#include <string>

#include "text/pieces/token_table.h"
#include "text/pipeline.h"
#include "text/unicode/code_points.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr int32_t kMaxFirstId = 1 << 20;
constexpr char32_t kCodePoints = 0x110000;
constexpr bool is_surrogate(char32_t c) {
  return 0xD800 <= c && c < 0xE000;
}

class RawDecoder final : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += token;
    tokens.assign(1, replace_invalid_utf8(bytes));
  }
  std::string text_of(std::string_view token) const override { return std::string(token); }
  bool joins_texts() const override { return true; }
};

// Names by id: nothing for special tokens, then the units.
TokenStrings unit_names(PlainUnit unit, int32_t first_id) {
  std::vector<std::string> names(static_cast<size_t>(first_id));
  if (unit == PlainUnit::byte) {
    for (int byte = 0; byte < 256; ++byte) names.emplace_back(1, static_cast<char>(byte));
  } else {
    for (char32_t c = 0; c < kCodePoints; ++c) {
      names.emplace_back(is_surrogate(c) ? std::string_view() : std::string_view(Utf8Character(c)));
    }
  }
  return TokenStrings(std::vector<std::string_view>(names.begin(), names.end()));
}

class PlainUnits final : public PieceModel {
 public:
  PlainUnits(PlainUnit unit, int32_t first_id) : unit_(unit), first_id_(first_id), names_(unit_names(unit, first_id)) {}

  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }

  void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch&, PieceTokens tokens) const override {
    for (size_t k = 0; k < pieces.size(); ++k) {
      for (size_t pos = pieces[k].begin; pos < pieces[k].end;) {
        const size_t begin = pos;
        tokens.ids.push_back(next_id(text, pos));
        if (tokens.ranges) tokens.ranges->push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(pos)});
        if (tokens.pieces) tokens.pieces->push_back(static_cast<uint32_t>(k));
      }
    }
  }

  int32_t vocab_size() const override { return names_.size(); }
  std::string_view token_name(int32_t id) const override { return names_[id]; }
  int32_t token_id(std::string_view name) const override {
    const bool one_unit = unit_ == PlainUnit::byte ? name.size() == 1 : is_one_character(name);
    size_t pos = 0;
    return one_unit ? next_id(name, pos) : -1;
  }

 private:
  static bool is_one_character(std::string_view name) {
    if (name.empty()) return false;
    const Utf8Step step = utf8_step(name);
    return step.valid && step.n_bytes == name.size();
  }

  // The unit at `pos`, which is moved behind it.
  int32_t next_id(std::string_view text, size_t& pos) const {
    if (unit_ == PlainUnit::byte) return first_id_ + static_cast<uint8_t>(text[pos++]);
    return first_id_ + static_cast<int32_t>(next_code_point(text, pos));
  }

  PlainUnit unit_;
  int32_t first_id_;
  TokenStrings names_;
};

}  // namespace

std::shared_ptr<const Tokenizer> make_plain_tokenizer(PlainUnit unit, const PlainUnitOptions& options) {
  if (options.first_id < 0 || options.first_id > kMaxFirstId) {
    throw Error(ErrorCode::invalid_argument,
                "first id " + std::to_string(options.first_id) + ": it can be 0 to " + std::to_string(kMaxFirstId));
  }
  PipelineParts parts;
  parts.model = std::make_unique<PlainUnits>(unit, options.first_id);
  parts.decoder = make_raw_decoder();
  if (options.stop_id >= 0) parts.stop_ids.push_back(options.stop_id);
  return make_pipeline(std::move(parts), {});
}

std::unique_ptr<const TokenDecoder> make_raw_decoder() {
  return std::make_unique<RawDecoder>();
}

}  // namespace tidemill
