#include "tidemill/chat_template.h"

#include <chrono>
#include <ctime>

#include "text/jinja/interpreter.h"
#include "text/jinja/json_text.h"
#include "text/jinja/parser.h"
#include "text/jinja/strftime.h"
#include "text/unicode/utf8.h"
#include "tidemill/error.h"

namespace tidemill {

struct ChatTemplate::Parsed {
  std::string name;
  std::string source;
  SpecialTokens special_tokens;
  jinja::Template tree;
};

namespace {

using jinja::Cause;
using jinja::Failure;

jinja::CivilTime local_time() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local = {};
#ifdef _WIN32
  localtime_s(&local, &now);
#else
  localtime_r(&now, &local);
#endif
  return {local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, 0};
}

jinja::CivilTime time_of(const ChatTemplateOptions& options, const std::string& name) {
  if (options.now.empty()) return local_time();
  if (const auto time = jinja::parse_time(options.now)) return *time;
  throw Error(ErrorCode::invalid_argument,
              name + ": '" + options.now + "' is not a time; write it as 2026-03-04T05:06:07");
}

const char* advice(Cause cause) {
  if (cause == Cause::syntax) return "correct the template";
  return cause == Cause::limit ? "simplify the template or shorten the conversation"
                               : "change the conversation or use another template";
}

[[noreturn]] void rethrow(const Failure& failure, const std::string& name, int line) {
  const bool is_bad_file = failure.cause() == Cause::syntax || failure.cause() == Cause::limit;
  throw Error(is_bad_file ? ErrorCode::bad_file : ErrorCode::invalid_argument,
              name + ", line " + std::to_string(failure.line() > 0 ? failure.line() : line) + ": " + failure.what() +
                  "; " + advice(failure.cause()));
}

// The variables, and those special tokens that are not among them.
jinja::Value parse_variables(std::string_view variables, const ChatTemplate::SpecialTokens& special_tokens,
                             const std::string& name) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_argument, name + ": the variables " + why + "; give {\"messages\": [...]}");
  };
  jinja::Value given;
  try {
    given = jinja::parse_json(variables);
  } catch (const Failure& failure) {
    fail(std::string("cannot be read: ") + failure.what());
  }
  if (!given.is_dict()) fail("are no JSON object");
  std::vector<jinja::Dict::Entry> entries = given.dict().entries();
  for (const auto& [token, text] : special_tokens)
    if (given.dict().find(token) == nullptr)
      entries.emplace_back(jinja::constant_string(token), jinja::constant_string(text));
  return jinja::DictRef(std::make_shared<const jinja::Dict>(nullptr, std::move(entries)));
}

}  // namespace

ChatTemplate::ChatTemplate(std::string_view source, const std::string& name, SpecialTokens special_tokens) {
  if (source.size() > jinja::kMaxTemplateBytes)
    throw Error(ErrorCode::bad_file, name + ": longer than 1 MiB; a chat template is much shorter");
  if (!is_utf8(source)) throw Error(ErrorCode::bad_file, name + ": is not UTF-8; save it as UTF-8");
  try {
    parsed_ = std::make_shared<const Parsed>(
        Parsed{name, std::string(source), std::move(special_tokens), jinja::parse_template(source)});
  } catch (const Failure& failure) {
    rethrow(failure, name, 1);
  }
}

std::string ChatTemplate::render(std::string_view variables, const ChatTemplateOptions& options) const {
  const jinja::Value given = parse_variables(variables, parsed_->special_tokens, parsed_->name);
  const jinja::Value* tools = given.dict().find(std::string_view("tools"));
  const Parsed& chosen = with_tools_ && tools != nullptr && !tools->is_none() ? *with_tools_ : *parsed_;
  jinja::Runtime runtime(time_of(options, chosen.name));
  try {
    return jinja::Interpreter(runtime, chosen.tree, given.dict()).render();
  } catch (const Failure& failure) {
    rethrow(failure, chosen.name, runtime.line);
  }
}

const std::string& ChatTemplate::source() const {
  return parsed_->source;
}
const std::string& ChatTemplate::source_with_tools() const {
  return (with_tools_ ? with_tools_ : parsed_)->source;
}
const ChatTemplate::SpecialTokens& ChatTemplate::special_tokens() const {
  return parsed_->special_tokens;
}

}  // namespace tidemill
