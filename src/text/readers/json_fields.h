// Typed access to the fields of a small JSON object; a wrong type or value is an error that names file and field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tidemill/error.h"

namespace tidemill {

class JsonFields {
 public:
  // `where` is what messages begin with: "FILE: normalizer.normalizers[2]".  Throws bad_file when `object` is none.
  // Both must outlive this.
  JsonFields(const nlohmann::json& object, const std::string& where);

  const std::string& where() const { return where_; }
  bool has(std::string_view key) const;  // and it is not null

  // Throw bad_file when the field is missing or of another type.
  std::string text(std::string_view key) const;
  bool boolean(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t min, int64_t max) const;
  const nlohmann::json& value(std::string_view key) const;
  const nlohmann::json& list(std::string_view key) const;
  const nlohmann::json& object(std::string_view key) const;
  // The same, with a value for a field that is missing or null.
  std::string text_or(std::string_view key, std::string fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  int64_t integer_or(std::string_view key, int64_t min, int64_t max, int64_t fallback) const;

  // Messages "FILE: normalizer.type WHY; ...".
  [[noreturn]] void fail(std::string_view key, const std::string& why) const;
  [[noreturn]] void fail_unsupported(std::string_view key, const std::string& why) const;

 private:
  const nlohmann::json& at(std::string_view key, std::string_view expected, bool (nlohmann::json::*is)() const) const;

  const nlohmann::json& object_;
  const std::string& where_;
};

}  // namespace tidemill
