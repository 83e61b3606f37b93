#include "grammar/program.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "grammar/rule_facts.h"
#include "grammar/utf8_ranges.h"
#include "tidemill/grammar.h"

namespace tidemill::grammar {
namespace {

using Kind = Expression::Kind;
using Op = Instruction::Op;

constexpr size_t kMaxInstructions = 1'000'000;
constexpr const char* kTooLarge = "is too large; shorten its repetitions";
// Repetitions up to this many instructions are written out: a counter is one more level of the automaton's stack.
constexpr size_t kMaxWrittenOut = 64;
// What may be empty cannot be counted, for nobody knows how often it occurred.
constexpr uint32_t kMaxOfEmpty = 64;

class Compiler {
 public:
  explicit Compiler(const Rules& rules) : rules_(rules), facts_(facts_of(rules)) {
    refuse_left_recursion(rules, facts_);
    for (ExpressionId id = 0; id < rules.n_expressions(); ++id) sizes_.push_back(size_of(id));
  }

  Program compile(RuleId root) {
    if (!facts_.productive[rules_.body(root)])
      throw GrammarError("", "no text satisfies it; rules need an end, and ranges something in them");
    program_.rule_starts.resize(rules_.n_rules());
    for (RuleId rule = 0; rule < rules_.n_rules(); ++rule)
      if (facts_.productive[rules_.body(rule)])
        program_.rule_starts[rule] = emit(rules_.body(rule), add({.op = Op::finish}));
    program_.start = program_.rule_starts[root];
    divide_bytes();
    return std::move(program_);
  }

 private:
  uint32_t add(Instruction instruction) {
    if (program_.instructions.size() >= kMaxInstructions) throw GrammarError("", kTooLarge);
    program_.instructions.push_back(instruction);
    return static_cast<uint32_t>(program_.instructions.size() - 1);
  }
  uint32_t add_split(uint32_t next, uint32_t other) { return add({.op = Op::split, .next = next, .other = other}); }
  uint32_t add_byte(ByteRange range, uint32_t next) {
    return add({.op = Op::bytes, .first = range.first, .last = range.last, .next = next});
  }

  // About how many instructions an expression takes, at most kMaxWrittenOut + 1.
  uint64_t size_of(ExpressionId id) const {
    const Expression& expression = rules_[id];
    uint64_t size = 1;
    if (expression.kind == Kind::literal) size = expression.text.size();
    if (expression.kind == Kind::set) size = 1 + 3 * (expression.set.runs().size() - 1);
    for (const ExpressionId part : expression.parts) size += sizes_[part];
    return std::min<uint64_t>(size, kMaxWrittenOut + 1);
  }

  // Instructions for an expression that something can satisfy, after which `next` follows; returns the first of them.
  // As deep as expressions are nested, which Rules limits.
  uint32_t emit(ExpressionId id, uint32_t next) {
    if (++n_emitted_ > kMaxInstructions) throw GrammarError("", kTooLarge);  // nested empty ones take no instructions
    const Expression& expression = rules_[id];
    switch (expression.kind) {
      case Kind::literal:
        return emit_literal(expression.text, next);
      case Kind::set:
        return emit_set(expression.set, next);
      case Kind::sequence:
        for (size_t k = expression.parts.size(); k-- > 0;) next = emit(expression.parts[k], next);
        return next;
      case Kind::choice:
        return emit_choice(expression, next);
      case Kind::repeat:
        return emit_repeat(expression, next);
      case Kind::rule:
        break;
    }
    const bool is_last = program_.instructions[next].op == Op::finish;
    return add({.op = is_last ? Op::jump : Op::call, .next = next, .other = expression.rule});
  }

  uint32_t emit_literal(const std::string& text, uint32_t next) {
    for (size_t k = text.size(); k-- > 0;) {
      const auto byte = static_cast<uint8_t>(text[k]);
      next = add_byte({byte, byte}, next);
    }
    return next;
  }

  uint32_t emit_set(const CodePointSet& set, uint32_t next) {
    std::map<std::tuple<ByteRange, uint32_t>, uint32_t> known;  // characters that end alike share their ends
    std::optional<uint32_t> entry;
    for (const ByteRanges& ranges : utf8_ranges(set)) {
      uint32_t at = next;
      for (size_t k = ranges.size; k-- > 0;) {
        const auto [found, is_new] = known.try_emplace({ranges.ranges[k], at});
        if (is_new) found->second = add_byte(ranges.ranges[k], at);
        at = found->second;
      }
      entry = entry ? add_split(*entry, at) : at;
    }
    return *entry;
  }

  uint32_t emit_choice(const Expression& expression, uint32_t next) {
    std::optional<uint32_t> entry;
    for (const ExpressionId part : expression.parts) {
      if (!facts_.productive[part]) continue;
      const uint32_t at = emit(part, next);
      entry = entry ? add_split(*entry, at) : at;
    }
    return *entry;
  }

  uint32_t emit_repeat(const Expression& expression, uint32_t next) {
    const ExpressionId body = expression.parts.front();
    if (!facts_.productive[body] || expression.max == 0) return next;
    const bool is_endless = expression.max == kUnlimited;
    const uint32_t n_copies = is_endless ? expression.min : expression.max;
    if (n_copies <= 1) return emit_copies(body, expression, next);
    if (facts_.nullable[body] && n_copies > kMaxOfEmpty)
      throw GrammarError("", "what may be empty is repeated " + std::to_string(n_copies) +
                                 " times; let each repetition hold something");
    if (facts_.nullable[body] || n_copies * sizes_[body] <= kMaxWrittenOut) return emit_copies(body, expression, next);
    return emit_counter(body, expression, next);
  }

  uint32_t emit_star(ExpressionId body, uint32_t next) {
    const uint32_t loop = add_split(next, next);
    program_.instructions[loop].next = emit(body, loop);
    return loop;
  }

  uint32_t emit_copies(ExpressionId body, const Expression& expression, uint32_t next) {
    const bool is_endless = expression.max == kUnlimited;
    uint32_t at = is_endless ? emit_star(body, next) : next;
    for (uint32_t k = is_endless ? expression.min : expression.max; k-- > 0;) {
      at = emit(body, at);
      if (k >= expression.min) at = add_split(at, next);
    }
    return at;
  }

  uint32_t emit_counter(ExpressionId body, const Expression& expression, uint32_t next) {
    const auto counter = static_cast<uint32_t>(program_.counters.size());
    program_.counters.push_back({.next = next, .min = expression.min, .max = expression.max});
    const uint32_t entry = emit(body, add({.op = Op::leave, .other = counter}));
    program_.counters[counter].body = entry;
    return add({.op = Op::enter, .other = counter});
  }

  void divide_bytes() {
    std::array<bool, 257> begins = {};  // whether a class begins with this byte
    for (const Instruction& instruction : program_.instructions)
      if (instruction.op == Op::bytes) begins[instruction.first] = begins[instruction.last + size_t{1}] = true;
    for (const int byte : {0x00, 0x20, 0x22, 0x23, 0x5C, 0x5D, 0x7F, 0x80, 0x90, 0xA0,
                           0xC0, 0xC2, 0xE0, 0xE1, 0xED, 0xEE, 0xF0, 0xF1, 0xF4, 0xF5})
      begins[static_cast<size_t>(byte)] = true;
    for (size_t byte = 0; byte < 256; ++byte) {
      if (begins[byte]) program_.class_byte.push_back(static_cast<uint8_t>(byte));
      program_.byte_class[byte] = static_cast<uint8_t>(program_.class_byte.size() - 1);
    }
  }

  const Rules& rules_;
  const RuleFacts facts_;
  std::vector<uint64_t> sizes_;  // by expression
  size_t n_emitted_ = 0;
  Program program_;
};

}  // namespace

Program compile(const Rules& rules, RuleId root) {
  return Compiler(rules).compile(root);
}

}  // namespace tidemill::grammar
