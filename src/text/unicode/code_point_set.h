// Sets of code points as ascending runs: the character classes of regular expressions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/unicode/unicode.h"

namespace tidemill {

class CodePointSet {
 public:
  struct Run {
    char32_t first, last;
  };
  static constexpr char32_t kLast = 0x10FFFF;

  CodePointSet() = default;
  CodePointSet(char32_t first, char32_t last) : runs_{{first, last}} {}

  // Those whose properties satisfy `holds`, which is asked once per run of equal ones.
  template <typename Predicate>
  static CodePointSet where(Predicate&& holds) {
    CodePointSet set;
    for (const PropertyRun& run : property_runs()) {
      if (holds(run.properties)) set.append(run.first, run.last);
    }
    return set;
  }

  std::span<const Run> runs() const { return runs_; }
  bool empty() const { return runs_.empty(); }
  bool contains(char32_t c) const;
  bool contains_all(const CodePointSet& other) const;

  void add(const CodePointSet& other);
  CodePointSet complement() const;
  CodePointSet intersection(const CodePointSet& other) const;
  CodePointSet minus(const CodePointSet& other) const { return intersection(other.complement()); }

 private:
  struct PropertyRun {
    char32_t first, last;
    unicode::Properties properties;
  };
  static std::span<const PropertyRun> property_runs();

  // `first` lies behind all that is there.
  void append(char32_t first, char32_t last);

  std::vector<Run> runs_;  // neither overlapping nor touching
};

}  // namespace tidemill
