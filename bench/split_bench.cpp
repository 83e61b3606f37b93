// Speed of the splitters of byte-level BPE, one thread:  split_bench FILE ...
//
// MB/s of UTF-8 in processor time, per pattern and text: by bits, as encoding does it; one piece at a time by the plain
// form; by PCRE2, as an unknown pattern would be.  Medians of rounds that take all measurements in turn.
// bench/tokenize_texts.py makes the texts of ./dev bench tokenize.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "text/regex/regex.h"
#include "text/split/split_patterns.h"
#include "text/split/split_scanner.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// What a splitter stands for: its rules in the plain form, and the pattern as files spell it; no pattern for sequences.
struct Kind {
  std::string name;
  std::function<size_t(const SplitScanner&, size_t)> piece_end;
  std::string pattern;
};

template <typename Rules>
auto plain(Rules rules) {
  return [rules](const SplitScanner& scanner, size_t pos) { return scanner.piece_end(rules, pos); };
}

std::vector<Kind> kinds() {
  return {
      {"gpt2", plain(Gpt2Rules{}), R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
      {"cl100k_base", plain(Cl100kRules{.max_digits = 3, .whole_end = true}),
       R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++\z|\s*[\r\n]|)"
       R"(\s+(?!\S)|\s)"},
      {"o200k_base", plain(O200kRules{}),
       R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
       R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
       R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
      {"starcoder", plain(Gpt2Rules{.single_numbers = true}), {}},
      {"deepseek3", plain(DeepSeekRules{}), {}},
      {"falcon", plain(FalconRules{}), {}},
  };
}

struct Row {
  std::string name;
  std::function<size_t()> split;  // returns the number of pieces
  std::vector<double> seconds = {};
  size_t n_pieces = 0;
};

size_t split_by_bits(const Splitter& splitter, std::string_view text) {
  constexpr size_t kBlock = 512;
  std::vector<ByteRange> pieces;
  size_t n = 0;
  for (size_t pos = 0; pos < text.size();) {
    pieces.clear();
    pos = splitter.split(text, pos, kBlock, pieces);
    n += pieces.size();
  }
  return n;
}

size_t split_plainly(const Kind& kind, std::string_view text) {
  const SplitScanner scanner(text);
  size_t n = 0;
  for (size_t pos = 0; pos < text.size(); ++n) pos = kind.piece_end(scanner, pos);
  return n;
}

size_t split_by_regex(const Regex& regex, std::string_view text) {
  RegexMatches matches(regex, text);
  size_t n = 0;
  while (matches.next()) ++n;
  return n;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const std::string& path, const std::string& text) {
  constexpr int kRounds = 7;
  const std::vector<Kind> all = kinds();
  std::vector<Row> rows;
  for (const Kind& kind : all) {
    const Splitter* const splitter = find_split_name(kind.name);
    rows.push_back({kind.name + ", by bits", [splitter, &text] { return split_by_bits(*splitter, text); }});
    rows.push_back({kind.name + ", plain form", [&kind, &text] { return split_plainly(kind, text); }});
    if (kind.pattern.empty()) continue;
    const auto regex = std::make_shared<Regex>(kind.pattern, kind.name);
    rows.push_back({kind.name + ", PCRE2", [regex, &text] { return split_by_regex(*regex, text); }});
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Row& row : rows) {
      const std::clock_t start = std::clock();
      row.n_pieces = row.split();
      row.seconds.push_back(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
  }
  std::printf("%s, %.1f MB\n", path.c_str(), static_cast<double>(text.size()) / 1e6);
  for (const Row& row : rows) {
    std::printf("  %-24s %8.0f MB/s %10zu pieces\n", row.name.c_str(),
                static_cast<double>(text.size()) / 1e6 / median(row.seconds), row.n_pieces);
  }
}

}  // namespace
}  // namespace tidemill

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: split_bench FILE ...\n");
    return 2;
  }
  try {
    for (int k = 1; k < argc; ++k) {
      std::ifstream file(argv[k], std::ios::binary);
      if (!file) throw tidemill::Error(tidemill::ErrorCode::not_found, std::string(argv[k]) + ": it cannot be read");
      tidemill::measure(argv[k], {std::istreambuf_iterator<char>(file), {}});
    }
  } catch (const tidemill::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
