// The tokens of a vocabulary that spells spaces as U+2581, as raw texts spell them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/pieces/space_symbol.h"

namespace tidemill {

class RawNames {
 public:
  // What `names` has of U+2581 becomes spaces.  Names with spaces, which no text becomes, are left empty.
  explicit RawNames(std::span<const std::string_view> names) : names_(names.begin(), names.end()) {
    size_t n_bytes = 0;
    for (const std::string_view name : names) n_bytes += name.size();
    buffer_.reserve(n_bytes);
    for (std::string_view& name : names_) {
      if (name.find(' ') != name.npos) {
        name = {};
      } else if (name.find(kSpaceSymbol[0]) != name.npos) {
        const size_t begin = buffer_.size();
        for (size_t pos = 0; pos < name.size();) {
          const bool is_space = name.substr(pos).starts_with(kSpaceSymbol);
          buffer_ += is_space ? ' ' : name[pos];
          pos += is_space ? kSpaceSymbol.size() : 1;
        }
        name = std::string_view(buffer_).substr(begin);
      }
    }
  }
  RawNames(const RawNames&) = delete;
  RawNames& operator=(const RawNames&) = delete;

  std::span<const std::string_view> all() const { return names_; }

 private:
  std::string buffer_;  // never grows beyond what it was made for
  std::vector<std::string_view> names_;
};

}  // namespace tidemill
