#include <algorithm>
#include <utility>

#include "text/pre_tokenizers/cutting.h"

namespace tidemill {
namespace {

// One splitter after the other, each on the pieces of the one before.
class SplitterSequence : public Splitter {
 public:
  explicit SplitterSequence(std::vector<const Splitter*> splitters) : splitters_(std::move(splitters)) {}

  // Goes on only where a piece of the first splitter ends, so there may be some more pieces than asked for.
  size_t split(std::string_view text, size_t from, size_t max_pieces, std::vector<ByteRange>& pieces) const override {
    const size_t n_before = pieces.size();
    std::vector<ByteRange> parts;
    while (from < text.size() && pieces.size() - n_before < max_pieces) {
      parts.clear();
      from = splitters_[0]->split(text, from, max_pieces - (pieces.size() - n_before), parts);
      for (size_t k = 1; k < splitters_.size(); ++k) cut_pieces(*splitters_[k], text, parts);
      pieces.insert(pieces.end(), parts.begin(), parts.end());
    }
    return from;
  }

 private:
  std::vector<const Splitter*> splitters_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<PreTokenizerPtr> parts) : parts_(std::move(parts)) {
    std::vector<const Splitter*> splitters;
    for (const PreTokenizerPtr& part : parts_) splitters.push_back(part->as_splitter());
    if (std::count(splitters.begin(), splitters.end(), nullptr) == 0) {
      splitter_ = std::make_unique<SplitterSequence>(std::move(splitters));
    }
  }

  void apply(NormalizedText& text, std::vector<ByteRange>& pieces) const override {
    for (const PreTokenizerPtr& part : parts_) part->apply(text, pieces);
  }
  const Splitter* as_splitter() const override { return splitter_.get(); }
  // All but the first see the pieces one by one.
  bool drops_white_space() const override { return parts_[0]->drops_white_space(); }
  bool needs_origins() const override {
    return std::any_of(parts_.begin(), parts_.end(), [](const PreTokenizerPtr& part) { return part->needs_origins(); });
  }

 private:
  std::vector<PreTokenizerPtr> parts_;
  std::unique_ptr<const Splitter> splitter_;  // null when a part does more than cut
};

}  // namespace

PreTokenizerPtr make_pre_tokenizer_sequence(std::vector<PreTokenizerPtr> parts) {
  std::erase(parts, nullptr);
  if (parts.empty()) return nullptr;
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<PreTokenizerSequence>(std::move(parts));
}

}  // namespace tidemill
