#include "formats/json_file.h"

#include <algorithm>
#include <array>
#include <limits>

#include "formats/wording.h"
#include "sys/mapped_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr std::string_view kFloatKey = "__float__";

struct SpecialFloat {
  std::string_view word;
  double value;
};

// A word stands before those that it contains.
constexpr std::array<SpecialFloat, 3> kSpecialFloats = {{
    {"-Infinity", -std::numeric_limits<double>::infinity()},
    {"Infinity", std::numeric_limits<double>::infinity()},
    {"NaN", std::numeric_limits<double>::quiet_NaN()},
}};

[[noreturn]] void fail(const std::string& file, const std::string& why, std::string_view way_out) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; " + std::string(way_out));
}

// Bytes of the string literal that `text` begins with, quotes included; all of it when it does not end.
size_t string_length(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

// Words that only Python's JSON has become objects as transformers writes them; what is in strings stays.
std::string with_tagged_floats(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto* const special =
        std::ranges::find_if(kSpecialFloats, [&](const SpecialFloat& row) { return text.starts_with(row.word); });
    size_t length = text.front() == '"' ? string_length(text) : 1;
    if (special != kSpecialFloats.end()) {
      length = special->word.size();
      out.append("{\"").append(kFloatKey).append("\":\"").append(special->word).append("\"}");
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

// Tagged numbers become numbers.  As deep as the parser let the document be.
void untag_floats(json& value) {
  if (!value.is_structured()) return;
  if (value.is_object() && value.size() == 1 && value.begin().key() == kFloatKey && value.begin()->is_string()) {
    const std::string_view word = value.begin()->get_ref<const std::string&>();
    const auto* const special = std::ranges::find(kSpecialFloats, word, &SpecialFloat::word);
    if (special != kSpecialFloats.end()) {
      value = special->value;
      return;
    }
  }
  for (json& child : value) untag_floats(child);
}

}  // namespace

json parse_json(std::string_view text, const std::string& file) {
  if (text.size() > kJsonMaxBytes) {
    fail(file, grouped(text.size()) + " bytes, more than the " + grouped(kJsonMaxBytes) + " allowed",
         "the file is damaged or not a model's");
  }
  // The parser takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos) fail(file, "holds a zero byte", "the file is damaged");
  const auto check_depth = [&](int depth, json::parse_event_t event, json&) {
    const bool starts = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (starts && depth >= kJsonMaxDepth)
      fail(file, "nested deeper than " + std::to_string(kJsonMaxDepth), "flatten it");
    return true;
  };
  const std::string tagged = with_tagged_floats(text);
  try {
    json document = json::parse(tagged, check_depth);
    untag_floats(document);
    return document;
  } catch (const json::parse_error& error) {
    const auto end = tagged.begin() + static_cast<ptrdiff_t>(std::min(error.byte, tagged.size()));
    const auto line = std::count(tagged.begin(), end, '\n') + 1;
    fail(file, "not valid JSON in line " + std::to_string(line), "correct it or download it again");
  } catch (const json::out_of_range&) {
    fail(file, "holds a number that is too large for a double", "correct it or download it again");
  }
}

json read_json_file(const std::string& path) {
  const MappedFile file(path);
  return parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path);
}

}  // namespace tidemill
