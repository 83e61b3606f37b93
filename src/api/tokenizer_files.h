// Which kind of tokenizer a file or a folder holds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/companion_files.h"
#include "text/tokenizer_description.h"
#include "tidemill/tokenizer.h"

namespace tidemill {

// A file is known by what it begins with, except for tiktoken's ranks, whose name says which encoding they are.
std::shared_ptr<const Tokenizer> load_tokenizer_file(const std::string& path, const TokenizerOptions& options);

// Takes the first that there is of: tokenizer.json; vocab.json with merges.txt; vocab.txt; a single file of another
// kind.  tokenizer_config.json, special_tokens_map.json and generation_config.json beside it count, too.
std::shared_ptr<const Tokenizer> load_tokenizer_of(const CompanionFiles& files, const TokenizerOptions& options);

// The same, null when there is none.
std::shared_ptr<const Tokenizer> tokenizer_if_any(const CompanionFiles& files, const TokenizerOptions& options);

// What that tokenizer is made from, whose views refer to `files`; nothing when there is none.  Throws unsupported for
// kinds that tokenizer.json cannot describe.
std::optional<TokenizerDescription> describe_tokenizer_of(const CompanionFiles& files);

// The tokenizer at `path` as tokenizer.json; see convert_tokenizer.
std::string tokenizer_as_json(const std::string& path);

}  // namespace tidemill
