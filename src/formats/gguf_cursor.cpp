#include "formats/gguf_cursor.h"

namespace tidemill {

std::span<const std::byte> GgufCursor::view(size_t n_bytes) {
  if (n_bytes > left()) fail_truncated(n_bytes, left());
  const auto part = bytes_.subspan(position_, n_bytes);
  position_ += n_bytes;
  return part;
}

std::string_view GgufCursor::string(size_t min_bytes, size_t max_bytes) {
  const auto length = number<uint64_t>();
  if (length > left()) fail_truncated(length, left());
  if (length < min_bytes || length > max_bytes) {
    fail_damaged("a name of " + grouped(length) + " bytes, expected " + grouped(min_bytes) + " to " +
                 grouped(max_bytes));
  }
  const auto part = view(static_cast<size_t>(length));
  return {reinterpret_cast<const char*>(part.data()), part.size()};
}

size_t GgufCursor::count(size_t item_bytes, size_t limit) {
  const auto n_items = number<uint64_t>();
  if (n_items > left() / item_bytes) {
    fail_damaged(grouped(n_items) + " items cannot fit into the " + grouped(left()) + " bytes left");
  }
  if (n_items > limit) fail_damaged(grouped(n_items) + " items are more than the " + grouped(limit) + " allowed");
  return static_cast<size_t>(n_items);
}

void GgufCursor::fail_damaged(const std::string& why) const {
  fail(ErrorCode::bad_file, ": " + why, "the file is damaged, download it again");
}

void GgufCursor::fail_truncated(uint64_t needed_bytes, uint64_t left_bytes) const {
  fail(
      ErrorCode::bad_file,
      " reaches past the end of the file (needs " + grouped(needed_bytes) + " bytes, " + grouped(left_bytes) + " left)",
      "the file is truncated, download it again");
}

void GgufCursor::fail_unsupported(const std::string& why, const std::string& way_out) const {
  fail(ErrorCode::unsupported, " " + why, way_out);
}

void GgufCursor::fail(ErrorCode code, const std::string& why, std::string_view way_out) const {
  throw Error(code, file_ + ": " + place_ + why + "; " + std::string(way_out));
}

}  // namespace tidemill
