#include "text/regex/regex.h"

#include "text/regex/pcre.h"
#include "text/regex/regex_syntax.h"
#include "text/unicode/code_points.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr uint32_t kMaxSteps = 10'000'000;  // Oniguruma's limit, too
constexpr uint32_t kMaxHeapKib = 64 * 1024;
constexpr size_t kJitStackStart = 32 * 1024;
constexpr size_t kJitStackMax = 1024 * 1024;

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

// What one thread needs to match.
struct MatchMemory {
  PcrePtr<pcre2_match_data> data{pcre2_match_data_create(1, nullptr)};
  PcrePtr<pcre2_match_context> context{pcre2_match_context_create(nullptr)};
  PcrePtr<pcre2_jit_stack> stack{pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)};

  MatchMemory() {
    if (!data || !context) throw std::bad_alloc();
    pcre2_set_match_limit(context.get(), kMaxSteps);
    pcre2_set_heap_limit(context.get(), kMaxHeapKib);
    if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

std::string message_of(int code) {
  PCRE2_UCHAR text[200];
  if (pcre2_get_error_message(code, text, sizeof text) < 0) return "error " + std::to_string(code);
  return reinterpret_cast<const char*>(text);
}

std::string shown(std::string_view pattern) {
  return "the regular expression '" + std::string(pattern.substr(0, 100)) + "'";
}

PcrePtr<pcre2_code> compile(std::string_view pattern, const std::string& where) {
  const std::string translated = pcre_pattern(pattern, where);
  const PcrePtr<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE at = 0;
  constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_DUPNAMES;
  PcrePtr<pcre2_code> code(pcre2_compile(units(translated), translated.size(), kOptions, &error, &at, context.get()));
  if (!code) {
    throw Error(ErrorCode::bad_file, where + ": " + shown(pattern) + " cannot be used: " + message_of(error) +
                                         "; write it in a simpler way");
  }
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where there is no JIT, matching works without
  return code;
}

}  // namespace

struct Regex::Compiled {
  std::string pattern, where;
  PcrePtr<pcre2_code> code;
};

Regex::Regex(std::string_view pattern, const std::string& where)
    : compiled_(new Compiled{std::string(pattern), where, compile(pattern, where)}) {}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::optional<Regex::Match> Regex::find(std::string_view text, size_t from) const {
  thread_local const MatchMemory memory;
  const auto match = [&](uint32_t options) {
    return pcre2_match(compiled_->code.get(), units(text), text.size(), from, PCRE2_NO_UTF_CHECK | options,
                       memory.data.get(), memory.context.get());
  };
  int result = match(0);
  // The interpreter keeps its stack on the heap and so gets further than the JIT.
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return {};
  if (result < 0) {
    throw Error(ErrorCode::bad_file, compiled_->where + ": " + shown(compiled_->pattern) +
                                         " is too slow for this text (" + message_of(result) +
                                         "); use a pattern that backtracks less");
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(memory.data.get());
  return Match{ends[0], ends[1]};
}

std::optional<Regex::Match> RegexMatches::next() {
  while (next_ <= text_.size()) {
    const auto match = regex_.find(text_, next_);
    if (!match) break;
    if (match->begin == match->end && last_end_ == match->end) {
      next_ += next_ < text_.size() ? utf8_size(text_[next_]) : 1;
      continue;
    }
    next_ = match->end;
    last_end_ = match->end;
    return match;
  }
  next_ = text_.size() + 1;
  return {};
}

}  // namespace tidemill
