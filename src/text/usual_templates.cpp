// Templates for models whose files have none: many GGUF files are made without one.  The tokens that mark turns tell
// how a model was trained to chat.
#include <algorithm>
#include <array>

#include "tidemill/chat_template.h"
#include "tidemill/tokenizer.h"

namespace tidemill {
namespace {

struct UsualTemplate {
  std::array<std::string_view, 2> marks;  // tokens that begin and end a turn
  std::string_view name, source;
};

// Gemma has no turn of the system: its text stands at the head of the first turn.
constexpr UsualTemplate kUsual[] = {
    {{"<start_of_turn>", "<end_of_turn>"},
     "Gemma's usual template",
     "{{ bos_token }}{% set turn = namespace(head='') %}{% for message in messages %}"
     "{% if message.role in ['system', 'developer'] %}{% set turn.head = turn.head + message.content | trim + '\n\n' %}"
     "{% else %}<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
     "{{ turn.head }}{{ message.content | trim }}<end_of_turn>\n{% set turn.head = '' %}{% endif %}{% endfor %}"
     "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"},
    {{"<|im_start|>", "<|im_end|>"},
     "ChatML",
     "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
     "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"},
    {{"<|start_header_id|>", "<|eot_id|>"},
     "Llama 3's usual template",
     "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
     "{{ message.content | trim }}<|eot_id|>{% endfor %}"
     "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"},
};

}  // namespace

std::optional<ChatTemplate> ChatTemplate::for_vocabulary(const Tokenizer& tokenizer) {
  for (const UsualTemplate& usual : kUsual) {
    const auto is_token = [&](std::string_view mark) { return tokenizer.token_id(mark) >= 0; };
    if (!std::all_of(usual.marks.begin(), usual.marks.end(), is_token)) continue;
    // What the model wants before a text is the token that templates call bos_token.
    const std::vector<int32_t> around = tokenizer.encode("");
    const std::string bos = around.empty() ? "" : tokenizer.decode(std::span(around).first(1), false);
    return ChatTemplate(usual.source, std::string(usual.name), {{"bos_token", bos}});
  }
  return std::nullopt;
}

}  // namespace tidemill
