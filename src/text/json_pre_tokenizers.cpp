#include "text/json_sequence.h"
#include "text/json_stages.h"
#include "text/split_patterns.h"

namespace tidemill {
namespace {

using nlohmann::json;

// A pre-tokenizer that is a known split pattern.
class KnownSplit final : public PreTokenizer {
 public:
  explicit KnownSplit(const Splitter& splitter) : splitter_(splitter) {}

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    std::vector<ByteRange> parts;
    for (const ByteRange piece : pieces) {
      const size_t n_before = parts.size();
      const std::string_view view = text.text().substr(piece.begin, piece.end - piece.begin);
      for (size_t pos = 0; pos < view.size();) pos = splitter_.split(view, pos, view.size(), parts);
      for (size_t k = n_before; k < parts.size(); ++k) parts[k].begin += piece.begin, parts[k].end += piece.begin;
    }
    pieces = std::move(parts);
  }
  const Splitter* as_splitter() const override { return &splitter_; }

 private:
  const Splitter& splitter_;
};

// The known pattern of a list that is one Split and a ByteLevel without a pattern of its own; null for others.
const Splitter* find_splitter(const JsonFields& fields) {
  const json& list = fields.list("pretokenizers");
  if (list.size() != 2) return nullptr;
  const std::string split_where = fields.where() + ".pretokenizers[0]";
  const JsonFields split(list[0], split_where);
  const std::string bytes_where = fields.where() + ".pretokenizers[1]";
  const JsonFields bytes(list[1], bytes_where);
  if (split.text("type") != "Split" || bytes.text("type") != "ByteLevel") return nullptr;
  if (bytes.boolean("add_prefix_space") || bytes.boolean_or("use_regex", true)) return nullptr;
  const json& pattern = split.object("pattern");
  if (split.text("behavior") != "Isolated" || split.boolean_or("invert", false) || !pattern.contains("Regex"))
    return nullptr;
  return find_split_pattern(pattern["Regex"].get<std::string>());
}

}  // namespace

std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const json& value, const std::string& where, Bytes bytes) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  const std::string type = fields.text("type");
  const Splitter* splitter = nullptr;
  if (bytes == Bytes::raw) {
    if (type == "ByteLevel" && !fields.boolean("add_prefix_space")) splitter = find_split_name("gpt2");
    if (type == "Sequence") splitter = find_splitter(fields);
  }
  if (!splitter) fields.fail_unsupported("type", "is '" + type + "' with settings that are not read yet");
  return std::make_unique<KnownSplit>(*splitter);
}

}  // namespace tidemill
