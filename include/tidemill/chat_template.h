// Chat templates: messages -> the prompt that a model was trained on, by the Jinja template that comes with the model.
//
// Renders what Hugging Face `transformers` renders, byte for byte: the language of Jinja 3.1 in its immutable sandbox
// with trim_blocks and lstrip_blocks, loop controls, `tojson` without ASCII escapes, raise_exception, strftime_now and
// {% generation %}.  Templates are treated as hostile: they reach no attributes but those of a fixed list, change
// nothing outside of namespaces, and stop at 1 MiB of source, 64 nested blocks or calls, 1,000,000 steps and 4 MiB of
// output.  docs/chat-templates.md lists what is supported.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemill {

class ModelFile;
class Tokenizer;

struct ChatTemplateOptions {
  // What strftime_now takes for the present, as "2026-03-04T05:06:07"; empty: this machine's local time.
  std::string now = {};
};

// Immutable and cheap to copy; all functions may be called from any number of threads at once.
class ChatTemplate {
 public:
  // Names and texts, such as {"bos_token", "<s>"}.
  using SpecialTokens = std::vector<std::pair<std::string, std::string>>;

  // Throws Error(bad_file), "NAME, line N: WHY; WHAT TO DO", when `source` is not a template.  `name` is what messages
  // call it, e.g. the path of the file.  `special_tokens` are variables that every rendering has.
  explicit ChatTemplate(std::string_view source, const std::string& name = "chat template",
                        SpecialTokens special_tokens = {});

  // The template of a model, with its special tokens: a GGUF file; a folder with chat_template.jinja,
  // tokenizer_config.json or chat_template.json, or one of these JSON files; any other file is the template itself.
  // Of a model's named templates, "tool_use" renders what has tools and "default" everything else.
  // Throws not_found, io, and bad_file for what is damaged or has no template.
  static ChatTemplate from_file(const std::string& path);

  // For a model that comes without one: what its vocabulary shows it was trained on, of Gemma's, ChatML's and Llama 3's
  // turns, by the tokens that mark them.  Nothing when it has none of them.
  static std::optional<ChatTemplate> for_vocabulary(const Tokenizer& tokenizer);

  // The text for the variables in `variables`, a JSON object: usually messages, tools, add_generation_prompt and
  // documents.  A special token that is among them replaces the template's own.
  // Throws Error, "NAME, line N: WHY; WHAT TO DO":
  //   invalid_argument  the template refuses these variables: it called raise_exception (WHY is its message) or cannot
  //                     work with their types; or `variables` is not a JSON object, or `now` not a time
  //   bad_file          the template asks for more than the limits above
  std::string render(std::string_view variables, const ChatTemplateOptions& options = {}) const;

  const std::string& source() const;
  // Of what renders variables that have tools.
  const std::string& source_with_tools() const;
  const SpecialTokens& special_tokens() const;

  // The same of a model's files that are open.
  static ChatTemplate from_model(const ModelFile& file);

 private:
  static ChatTemplate joined(ChatTemplate plain, const std::optional<ChatTemplate>& with_tools);

  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;
  std::shared_ptr<const Parsed> with_tools_;  // nullptr: parsed_ renders tools, too
};

}  // namespace tidemill
