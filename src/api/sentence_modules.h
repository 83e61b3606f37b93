// SentenceModules: what a model's files say about how texts become vectors: sentence-transformers' modules.json with
// the configurations that it names, or the metadata of a GGUF.
// https://sbert.net/docs/package_reference/sentence_transformer/models.html
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "embed/dense.h"
#include "embed/pooling.h"
#include "models/source.h"

namespace tidemill {

struct SentenceModules {
  std::vector<Pooling> poolings = {Pooling::mean};  // their vectors are joined
  bool counts_prompt = true;                        // tokens of a prompt are pooled, too
  std::vector<Dense> denses = {};
  bool is_normalized = false;
  int64_t max_tokens = 0;  // as the files say; 0: they do not
  std::map<std::string, std::string> prompts = {};
  std::string default_prompt = {};  // its name

  int64_t dimensions(int64_t d_model) const;
};

// Whether a model, whose folder or file is at `path`, says how texts become vectors: then that is what it is for.
bool makes_vectors(const ModelSource& source, const std::string& path);

// How many tokens of a text a model's folder wants to be read; 0: it does not say.  sentence_bert_config.json decides,
// else tokenizer_config.json; what tokenizer.json cuts at is not asked.
int64_t max_tokens_of_folder(const std::string& folder);

// The same from the files of a folder alone.
SentenceModules sentence_modules_of_folder(const std::string& path, int64_t d_model);

// `path` is a model's folder or file; `d_model` the size of its hidden states.  Throws bad_file naming the file and
// field, and unsupported.
SentenceModules read_sentence_modules(const std::string& path, int64_t d_model);

}  // namespace tidemill
