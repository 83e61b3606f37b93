// A position in the bytes of a GGUF file: every read is checked against the bytes left, every failure says where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {

class GgufCursor {
 public:
  // `file` is its name for messages.  Both must outlive the cursor, `bytes` also all that is read from it.
  GgufCursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::span<const std::byte> bytes() const { return bytes_; }
  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  // What is being read, for messages: "metadata 'general.name'".
  void set_place(std::string place) { place_ = std::move(place); }

  // The next bytes.  All reads throw bad_file when the file ends before.
  std::span<const std::byte> view(size_t n_bytes);
  template <typename Number>
  Number number() {
    Number value;
    std::memcpy(&value, view(sizeof value).data(), sizeof value);
    return value;
  }
  // A string with its length before it, which must be in [min, max] bytes.
  std::string_view string(size_t min_bytes, size_t max_bytes);
  // A count of items of at least `item_bytes` each; throws bad_file unless that many fit into the rest of the file and
  // `limit` allows them, so that memory may be set aside for them.
  size_t count(size_t item_bytes, size_t limit);

  // Throw an error that begins with the file name and the place.
  [[noreturn]] void fail_damaged(const std::string& why) const;
  [[noreturn]] void fail_truncated(uint64_t needed_bytes, uint64_t left_bytes) const;
  [[noreturn]] void fail_unsupported(const std::string& why, const std::string& way_out) const;

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& why, std::string_view way_out) const;

  std::span<const std::byte> bytes_;
  const std::string& file_;
  size_t position_ = 0;
  std::string place_ = "the header";
};

}  // namespace tidemill
