// An embedder of 48 numbers for tests: the golden BERT with a vocabulary of letters and a few words, which reads 96
// tokens.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tidemill/embedder.h"

namespace tidemill {

inline constexpr int kVocabularySize = 300;  // of the golden BERT

inline Embedder small_embedder() {
  static const std::string kFolder = [] {
    const std::filesystem::path from = std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models/bert";
    const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "small-embedder";
    std::filesystem::create_directories(folder);
    for (const char* name : {"config.json", "model.safetensors"})
      std::filesystem::copy_file(from / name, folder / name, std::filesystem::copy_options::overwrite_existing);
    std::ofstream vocabulary(folder / "vocab.txt");
    int n_words = 0;
    const auto add = [&](const std::string& word) { vocabulary << word << '\n', ++n_words; };
    for (const char* word : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "tide", "mill", "wheel", ".", ",",
                             "!", "?", "\u3002", "\u6C34", "\u8ECA"})
      add(word);
    for (char letter = 'a'; letter <= 'z'; ++letter) add(std::string(1, letter));
    for (char letter = 'a'; letter <= 'z'; ++letter) add("##" + std::string(1, letter));
    while (n_words < kVocabularySize) add("[unused" + std::to_string(n_words) + "]");
    return folder.string();
  }();
  return Embedder::load(kFolder, {.threads = 1});
}

}  // namespace tidemill
