// POST /tokenize and /detokenize: a model's tokenizer.
//   {"model", "content", "add_special"} -> {"tokens": [...]}        {"model", "tokens"} -> {"content": ...}
#include "serve/generation.h"
#include "serve/prompts.h"
#include "serve/routes.h"

namespace tidemill::serve {

void post_tokenize(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const nlohmann::json body = parse_body(request.body);
  const Fields fields(body, "");
  const Tokenizer& tokenizer = app.models.find(fields.text("model")).engine.tokenizer();
  const auto content = fields.text("content");
  if (!content) fields.fail("content", "is missing; give the text");
  const bool add_special = fields.boolean("add_special").value_or(true);
  answer->send({.body = to_text({{"tokens", tokenizer.encode(*content, {.add_special_tokens = add_special})}})});
}

void post_detokenize(App& app, const HttpRequest& request, const std::shared_ptr<Answer>& answer) {
  const nlohmann::json body = parse_body(request.body);
  const Fields fields(body, "");
  const ServedModel& model = app.models.find(fields.text("model"));
  if (fields.find("tokens") == nullptr) fields.fail("tokens", "is missing; give a list of token ids");
  const auto ids = read_ids(*fields.find("tokens"), model.engine.vocab_size(), "tokens");
  answer->send({.body = to_text({{"content", model.engine.tokenizer().decode(ids, false)}})});
}

}  // namespace tidemill::serve
