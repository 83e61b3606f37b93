// What tokenizer_config.json, special_tokens_map.json and generation_config.json add to a tokenizer: which tokens begin
// and end texts, further added tokens, clean-up of decoded text.  As `transformers` reads them for its fast tokenizers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_description.h"

namespace tidemill {

class TokenizerConfig {
 public:
  // Each takes the text of one file.  Throw bad_file, naming `source` and field, for what is no JSON object or a field
  // of a wrong type.
  void read_special_tokens_map(std::string_view text, const std::string& source);
  void read_tokenizer_config(std::string_view text, const std::string& source);
  void read_generation_config(std::string_view text, const std::string& source);

  // Says whether BERT's text is to be in lower case; nothing when the files do not.
  std::optional<bool> do_lower_case() const { return do_lower_case_; }
  std::optional<bool> add_bos() const { return add_bos_; }
  std::optional<bool> add_eos() const { return add_eos_; }

  void apply(TokenizerDescription& description) const;

 private:
  void read_special_tokens(const class JsonFields& fields);
  void add_token(TokenizerDescription& description, const AddedToken& token) const;
  void surround_texts(TokenizerDescription& description) const;

  std::vector<AddedToken> added_;  // with the ids that the files give, -1 where they give none
  std::string bos_, eos_;
  std::optional<bool> add_bos_, add_eos_, clean_up_spaces_, do_lower_case_;
  std::vector<int64_t> stop_ids_;
};

}  // namespace tidemill
