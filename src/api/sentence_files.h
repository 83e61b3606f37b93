// sentence-transformers' files beside a model: modules.json with the configurations that it names.
// https://sbert.net/docs/package_reference/sentence_transformer/models.html
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/companion_files.h"
#include "api/sentence_modules.h"

namespace tidemill {

// The files of a model's folder, from the folder below it that modules.json gives the transformer, if it does, before
// those beside modules.json.
FolderFiles model_files(const std::string& folder);

bool has_sentence_modules(const CompanionFiles& files);

// Those of the files that sentence_modules_of() reads.
std::vector<std::string> sentence_file_names(const CompanionFiles& files);

// How many tokens of a text the model wants to read; 0: the files do not say.  sentence_bert_config.json decides, else
// tokenizer_config.json; what tokenizer.json cuts at is not asked.
int64_t max_tokens_of(const CompanionFiles& files);

// `d_model` is the size of the model's hidden states.  Throws bad_file naming the file and field, and unsupported.
SentenceModules sentence_modules_of(const CompanionFiles& files, int64_t d_model);

}  // namespace tidemill
