// The token that stands for what a vocabulary does not have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill {

class UnknownToken {
 public:
  // `id`: -1 when the vocabulary lacks the token called `name`.
  UnknownToken(std::string name, int32_t id) : name_(std::move(name)), id_(id) {}

  // The token for `part` of a text.  Throws invalid_argument when there is none.
  int32_t id(std::string_view part) const {
    if (id_ < 0) throw_missing(part);
    return id_;
  }
  int32_t id_or_none() const { return id_; }

 private:
  [[noreturn]] void throw_missing(std::string_view part) const;

  std::string name_;
  int32_t id_;
};

}  // namespace tidemill
