// SentenceModules: what a model's files say about how texts become vectors.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "embed/dense.h"
#include "embed/pooling.h"

namespace tidemill {

struct SentenceModules {
  std::vector<Pooling> poolings = {Pooling::mean};  // their vectors are joined
  bool counts_prompt = true;                        // tokens of a prompt are pooled, too
  std::vector<Dense> denses = {};
  bool is_normalized = false;
  bool lowers_case = false;  // of texts, before the tokenizer
  int64_t max_tokens = 0;    // as the files say; 0: they do not
  std::map<std::string, std::string> prompts = {};
  std::string default_prompt = {};  // its name

  int64_t dimensions(int64_t d_model) const {
    return denses.empty() ? d_model * static_cast<int64_t>(poolings.size()) : denses.back().n_out;
  }
};

// How many numbers a layer above the pooling may take or give.
inline constexpr int64_t kMostDenseFeatures = 1 << 16;

}  // namespace tidemill
