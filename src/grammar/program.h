// Program: rules as instructions over bytes, for the automaton.
//
// It is Thompson's construction with calls: an instruction reads a byte or leads on to others without reading.  Long
// counted repetitions are not written out but counted, so that {0,10000} costs what {0,1} does.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "grammar/rules.h"

namespace tidemill::grammar {

struct Instruction {
  enum class Op : uint8_t {
    bytes,   // reads a byte from first to last, then `next`
    split,   // `next`, or `other`
    call,    // the rule that begins at `rule_starts[other]`, then `next`
    jump,    // the rule that begins at `rule_starts[other]`, which ends as this one does
    finish,  // the rule ends
    enter,   // begins to count: counters[other]
    leave,   // one repetition of counters[other] is over
  };
  Op op = Op::finish;
  uint8_t first = 0, last = 0;
  uint32_t next = 0, other = 0;
};

// A counted repetition.
struct Counter {
  uint32_t body = 0;  // where a repetition begins; it ends with `leave`
  uint32_t next = 0;  // what follows
  uint32_t min = 0, max = 0;
};

struct Program {
  std::vector<Instruction> instructions;
  std::vector<uint32_t> rule_starts;
  std::vector<Counter> counters;
  uint32_t start = 0;
  // Bytes of one class are read alike by every instruction.  Classes also tell characters of a JSON string from others,
  // and the parts of UTF-8 apart.
  std::array<uint8_t, 256> byte_class = {};
  std::vector<uint8_t> class_byte;  // one byte of each class
};

// Parts without any string are left out.  Throws GrammarError for a root that has none, for left recursion, and for
// what is too large.
Program compile(const Rules& rules, RuleId root);

}  // namespace tidemill::grammar
