// For tests/text/test_split_patterns.py: lines {"pattern", "patterns" or "name", "text"} become lists of where pieces
// end, in bytes; null for what is not known.  Pieces are asked for a few at a time.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "text/split/split_patterns.h"

namespace {

nlohmann::json piece_ends(const tidemill::Splitter* splitter, const std::string& text, size_t block) {
  if (!splitter) return nullptr;
  std::vector<tidemill::ByteRange> pieces;
  nlohmann::json ends = nlohmann::json::array();
  for (size_t pos = 0; pos < text.size();) {
    pieces.clear();
    pos = splitter->split(text, pos, block, pieces);
    for (const tidemill::ByteRange& piece : pieces) ends.push_back(piece.end);
  }
  return ends;
}

const tidemill::Splitter* splitter_for(const nlohmann::json& request) {
  if (request.contains("pattern")) return tidemill::find_split_pattern(request["pattern"].get<std::string>());
  if (request.contains("name")) return tidemill::find_split_name(request["name"].get<std::string>());
  std::vector<std::string_view> patterns;
  for (const auto& pattern : request["patterns"]) patterns.push_back(pattern.get_ref<const std::string&>());
  return tidemill::find_split_patterns(patterns).splitter;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const nlohmann::json request = nlohmann::json::parse(line);
    std::cout << piece_ends(splitter_for(request), request["text"].get<std::string>(), request.value("block", 7))
              << '\n';
  }
}
