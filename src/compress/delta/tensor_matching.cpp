#include "compress/delta/tensor_matching.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "compress/delta/content_search.h"
#include "compress/delta/file_layout.h"
#include "compress/delta/moved_code.h"

namespace tidemill {
namespace {

constexpr uint64_t kLongFileBytes = 16 << 20;  // of a file without tensors that is coded in blocks
constexpr uint64_t kPrefixMargin = 1 << 20;    // of the base around the place of a packed part
constexpr uint64_t kMaxZeros = 1 << 20;        // in one part
constexpr uint64_t kMinMovedBytes = 1 << 20;   // shorter files fit into a dictionary as a whole

// A look at so many places of a file tells how it is coded best.
constexpr uint64_t kLooks = 32, kLookBytes = 64 << 10;
constexpr double kEqualInPlace = 0.9, kEqualElsewhere = 0.125, kBetterElsewhere = 0.02;

struct BaseFile {
  const ModelFiles::File* file;
  std::vector<FilePiece> pieces;
};

class Matcher {
 public:
  Matcher(const ModelFiles& base, const ModelFiles& tuned);

  DeltaPlan plan();

 private:
  void add_tensor(const FilePiece& piece, std::span<const std::byte> content, std::vector<PlanPart>& parts) const;
  void add_bytes(const FilePiece& piece, std::span<const std::byte> content, const BaseRange* counterpart,
                 std::vector<PlanPart>& parts) const;
  bool has_moved(std::span<const std::byte> content, const BaseRange& counterpart) const;
  std::optional<TensorPlace> same_name(const FilePiece& piece) const;
  std::optional<BaseRange> counterpart_of(const std::string& file, const FilePiece& piece) const;
  std::vector<PlanPart> parts_of(const ModelFiles::File& file, const std::vector<FilePiece>& pieces) const;
  const FilePiece& piece_at(TensorPlace place) const { return base_[place.file].pieces[place.piece]; }
  std::span<const std::byte> bytes(const BaseRange& range) const {
    return base_[range.file].file->bytes().subspan(range.begin, range.n_bytes);
  }

  const ModelFiles& base_files_;
  const ModelFiles& tuned_;
  std::vector<BaseFile> base_;
  std::vector<std::vector<FilePiece>> layouts_;  // of `tuned_`
  std::unordered_map<std::string_view, TensorPlace> by_name_;
  ContentSearch search_;
};

std::string path_of(const ModelFiles& model, const ModelFiles::File& file) {
  return model.is_folder ? model.path + "/" + file.name : model.path;
}

Matcher::Matcher(const ModelFiles& base, const ModelFiles& tuned) : base_files_(base), tuned_(tuned) {
  std::unordered_set<std::string> names;
  for (const ModelFiles::File& file : tuned.files) {
    layouts_.push_back(layout_of_file(file.bytes(), path_of(tuned, file)));
    for (const FilePiece& piece : layouts_.back()) names.insert(piece.name);
  }
  for (const ModelFiles::File& file : base.files)
    base_.push_back({&file, layout_of_file(file.bytes(), path_of(base, file))});
  for (uint32_t file = 0; file < base_.size(); ++file) {
    for (uint32_t index = 0; index < base_[file].pieces.size(); ++index) {
      const FilePiece& piece = base_[file].pieces[index];
      if (!piece.is_tensor()) continue;
      by_name_.try_emplace(piece.name, TensorPlace{file, index});
      const auto content = base_[file].file->bytes().subspan(piece.begin, piece.n_bytes);
      search_.add(piece, {file, index}, content, names.contains(piece.name));
    }
  }
}

std::optional<TensorPlace> Matcher::same_name(const FilePiece& piece) const {
  const auto found = by_name_.find(piece.name);
  if (found == by_name_.end() || piece_at(found->second).dtype != piece.dtype) return std::nullopt;
  return found->second;
}

// Bytes that make whole rows of both; 0 where rows differ in length.
uint64_t common_rows_bytes(const FilePiece& a, const FilePiece& b) {
  const bool same_rows = a.dims.size() == b.dims.size() && a.dims.size() > 1 &&
                         std::equal(a.dims.begin() + 1, a.dims.end(), b.dims.begin() + 1) && a.dims[0] > 0 &&
                         b.dims[0] > 0;
  return same_rows ? std::min(a.n_bytes, b.n_bytes) : 0;
}

void Matcher::add_tensor(const FilePiece& piece, std::span<const std::byte> content,
                         std::vector<PlanPart>& parts) const {
  PlanPart part{.tensor = piece.name,
                .from = {},
                .dtype = piece.dtype,
                .shape = piece.dims,
                .n_bytes = piece.n_bytes,
                .base = {}};
  std::optional<TensorPlace> place = same_name(piece);
  uint64_t n_common = 0;
  if (place)
    n_common = piece_at(*place).n_bytes == piece.n_bytes ? piece.n_bytes : common_rows_bytes(piece, piece_at(*place));
  if (n_common == 0 && piece.n_bytes > 0) {
    place = search_.nearest(piece, content);
    if (place) n_common = piece.n_bytes;
  }
  if (n_common > 0) {
    const FilePiece& found = piece_at(*place);
    part.base = BaseRange{place->file, found.begin, n_common};
    if (found.name != piece.name) part.from = found.name;
    part.n_bytes = n_common;
  }
  parts.push_back(std::move(part));
  if (n_common == 0 || n_common == piece.n_bytes) return;
  PlanPart rest{.tensor = {},
                .from = {},
                .dtype = piece.dtype,
                .shape = piece.dims,
                .n_bytes = piece.n_bytes - n_common,
                .base = {}};
  rest.shape[0] = piece.dims[0] - n_common / (piece.n_bytes / piece.dims[0]);
  parts.push_back(std::move(rest));
}

void Matcher::add_bytes(const FilePiece& piece, std::span<const std::byte> content, const BaseRange* counterpart,
                        std::vector<PlanPart>& parts) const {
  PlanPart part{.tensor = {}, .from = {}, .dtype = "u8", .shape = {}, .n_bytes = piece.n_bytes, .base = {}};
  const bool same_size = counterpart != nullptr && counterpart->n_bytes == piece.n_bytes;
  if (same_size && piece.n_bytes <= kLongFileBytes && std::ranges::equal(bytes(*counterpart), content)) {
    part.code = PartCode::copy;
    part.base = *counterpart;
    return parts.push_back(std::move(part));
  }
  if (piece.n_bytes <= kMaxZeros && std::ranges::all_of(content, [](std::byte byte) { return byte == std::byte{0}; })) {
    part.code = PartCode::zeros;
    return parts.push_back(std::move(part));
  }
  if (counterpart != nullptr && piece.n_bytes >= kMinMovedBytes && has_moved(content, *counterpart)) {
    part.code = PartCode::moved;
    part.base = *counterpart;
    for (uint64_t begin = 0; begin < piece.n_bytes; begin += kPackedTextBytes) {
      part.n_bytes = std::min(kPackedTextBytes, piece.n_bytes - begin);
      parts.push_back(part);
    }
    return;
  }
  if (piece.n_bytes > kLongFileBytes) {
    if (same_size) part.base = *counterpart;
    return parts.push_back(std::move(part));
  }
  for (uint64_t begin = 0; begin < piece.n_bytes; begin += kPackedTextBytes) {
    part.n_bytes = std::min(kPackedTextBytes, piece.n_bytes - begin);
    part.code = PartCode::packed;
    part.base.reset();
    const uint64_t first = begin - std::min(begin, kPrefixMargin);
    if (counterpart != nullptr && first < counterpart->n_bytes) {
      const uint64_t end = std::min(begin + part.n_bytes + kPrefixMargin, counterpart->n_bytes);
      part.base = BaseRange{counterpart->file, counterpart->begin + first, end - first};
    }
    parts.push_back(part);
  }
}

// Whether `content`, a file without tensors, is made of runs of the base that stand elsewhere there, as a data set is,
// rather than of what stands in the same place, as weights in a format that is not known are.
bool Matcher::has_moved(std::span<const std::byte> content, const BaseRange& counterpart) const {
  const auto base = bytes(counterpart);
  const uint64_t step = std::max(content.size() / kLooks, kLookBytes);
  uint64_t n_seen = 0, n_in_place = 0, n_elsewhere = 0;
  const auto for_each_look = [&](auto look) {
    for (uint64_t begin = 0; begin < content.size(); begin += step)
      look(begin, content.subspan(begin, std::min(kLookBytes, content.size() - begin)));
  };
  for_each_look([&](uint64_t begin, std::span<const std::byte> seen) {
    n_seen += seen.size();
    const auto there = base.subspan(std::min<uint64_t>(begin, base.size()));
    for (size_t i = 0; i < std::min(seen.size(), there.size()); ++i) n_in_place += seen[i] == there[i] ? 1 : 0;
  });
  const auto share = [&](uint64_t n) { return static_cast<double>(n) / static_cast<double>(n_seen); };
  const bool same_size = content.size() == base.size();
  if (same_size && share(n_in_place) >= kEqualInPlace) return false;
  const MappedFile& file = *base_[counterpart.file].file->file;
  const ContentIndex index(base, [&](std::span<const std::byte> part) { file.release(part); });
  for_each_look([&](uint64_t, std::span<const std::byte> seen) { n_elsewhere += n_moved_bytes(index, seen); });
  file.release(base);
  return share(n_elsewhere) >= kEqualElsewhere &&
         (!same_size || share(n_elsewhere) >= share(n_in_place) + kBetterElsewhere);
}

// The bytes of the base in the place of a header or of a file without tensors.
std::optional<BaseRange> Matcher::counterpart_of(const std::string& file, const FilePiece& piece) const {
  if (piece.begin != 0) return std::nullopt;
  const bool are_files = !base_files_.is_folder && !tuned_.is_folder;
  const ModelFiles::File* const found = are_files ? &base_files_.files.front() : base_files_.find(file);
  if (found == nullptr || found->bytes().empty()) return std::nullopt;
  const auto index = static_cast<uint32_t>(found - base_files_.files.data());
  return BaseRange{index, 0, base_[index].pieces.front().n_bytes};
}

std::vector<PlanPart> Matcher::parts_of(const ModelFiles::File& file, const std::vector<FilePiece>& pieces) const {
  std::vector<PlanPart> parts;
  for (const FilePiece& piece : pieces) {
    const auto content = file.bytes().subspan(piece.begin, piece.n_bytes);
    if (piece.is_tensor()) {
      add_tensor(piece, content, parts);
    } else {
      const std::optional<BaseRange> counterpart = counterpart_of(file.name, piece);
      add_bytes(piece, content, counterpart ? &*counterpart : nullptr, parts);
    }
  }
  return parts;
}

DeltaPlan Matcher::plan() {
  DeltaPlan plan{.is_folder = tuned_.is_folder, .base_is_folder = base_files_.is_folder, .base = {}, .files = {}};
  for (size_t index = 0; index < tuned_.files.size(); ++index) {
    const ModelFiles::File& file = tuned_.files[index];
    plan.files.push_back(
        {.name = file.name, .n_bytes = file.bytes().size(), .hash = {}, .parts = parts_of(file, layouts_[index])});
  }
  return plan;
}

}  // namespace

DeltaPlan match_tensors(const ModelFiles& base, const ModelFiles& tuned) {
  return Matcher(base, tuned).plan();
}

}  // namespace tidemill
