// JSON files of model folders as a document: config.json, generation_config.json.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tidemill {

inline constexpr size_t kJsonMaxBytes = size_t{4} << 20;  // a document takes up to twenty times its text
inline constexpr int kJsonMaxDepth = 64;

// The document in `text`.  Numbers that JSON lacks become doubles, as they stand in files of Python's json module
// (Infinity, -Infinity, NaN) and of transformers 5 ({"__float__": "Infinity"}).  Of two equal keys the last counts, as
// in Python.  Throws bad_file, beginning with `file`, for text that is no JSON, too long or nested too deeply.
nlohmann::json parse_json(std::string_view text, const std::string& file);

// The document in a file; throws what MappedFile throws, too.
nlohmann::json read_json_file(const std::string& path);

}  // namespace tidemill
