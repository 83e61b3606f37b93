// Training reads the files and runs the threads; the algorithms in text/training/ need neither.
#include "tidemill/tokenizer_training.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/text_blocks.h"
#include "sys/atomic_file.h"
#include "sys/thread_pool.h"
#include "text/training/recipe.h"
#include "tidemill/error.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

constexpr std::array<std::pair<std::string_view, TrainingKind>, 3> kKinds = {{
    {"bpe", TrainingKind::bpe},
    {"wordpiece", TrainingKind::wordpiece},
    {"spm-bpe", TrainingKind::spm_bpe},
}};

void report(const TokenizerTrainingOptions& options, std::string_view phase, double share) {
  if (options.on_progress && !options.on_progress({phase, share})) {
    throw Error(ErrorCode::cancelled, "training: interrupted; nothing was written");
  }
}

// Every thread counts whole blocks in a table of its own; the sums do not depend on who counted what.
WordCounts count_files(TextBlocks& blocks, const WordRules& rules, int n_workers) {
  ThreadPool pool(n_workers);
  const auto n_threads = static_cast<size_t>(n_workers);
  std::vector<std::string> texts(n_threads);
  std::vector<WordCounts> counts(n_threads);
  for (bool more = true; more;) {
    int64_t n_texts = 0;
    while (n_texts < std::ssize(texts) && (more = blocks.next(texts[static_cast<size_t>(n_texts)]))) ++n_texts;
    pool.parallel_for(n_texts, 1, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t k = begin; k < end; ++k) {
        count_words(texts[static_cast<size_t>(k)], rules, counts[static_cast<size_t>(thread)]);
      }
    });
  }
  for (size_t thread = 1; thread < n_threads; ++thread) counts[0].add(std::exchange(counts[thread], {}));
  return std::move(counts[0]);
}

}  // namespace

TrainingKind training_kind(std::string_view name) {
  for (const auto& [known, kind] : kKinds) {
    if (name == known) return kind;
  }
  throw Error(ErrorCode::invalid_argument,
              "kind '" + std::string(name) + "': there is none of that name; give bpe, wordpiece or spm-bpe");
}

TrainingReport train_tokenizer(std::span<const std::string> files, const std::string& out,
                               const TokenizerTrainingOptions& options) {
  const std::unique_ptr<TrainingRecipe> recipe = make_training_recipe(options);
  TextBlocks blocks({files.begin(), files.end()}, [&](double share) { report(options, "reading", share); });
  AtomicFile file(out);  // now, so that a folder that does not exist shows before the work
  const Stopwatch reading;
  const WordCounts words = count_files(blocks, recipe->rules(), options.n_threads);
  TrainingReport done{.n_bytes = blocks.n_read(),
                      .n_words = words.total(),
                      .n_distinct_words = static_cast<int64_t>(words.size()),
                      .read_seconds = reading.seconds()};
  const Stopwatch training;
  const TrainedFile trained = recipe->train(words, [&](double share) { report(options, "merging", share); });
  done.n_tokens = static_cast<int64_t>(trained.n_tokens);
  done.n_merges = static_cast<int64_t>(trained.n_merges);
  done.train_seconds = training.seconds();
  file.write(trained.content);
  file.commit();
  return done;
}

}  // namespace tidemill
