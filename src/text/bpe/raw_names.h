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
        continue;
      }
      size_t found = name.starts_with(kSpaceSymbol) ? 0 : name.find(kSpaceSymbol, 1);
      if (found == name.npos) continue;
      const size_t begin = buffer_.size();
      size_t pos = 0;
      for (; found != name.npos; found = name.find(kSpaceSymbol, pos)) {
        buffer_.append(name, pos, found - pos) += ' ';
        pos = found + kSpaceSymbol.size();
      }
      name = std::string_view(buffer_.append(name, pos)).substr(begin);
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
