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

constexpr std::array<std::pair<std::string_view, TrainingKind>, 4> kKinds = {{
    {"bpe", TrainingKind::bpe},
    {"wordpiece", TrainingKind::wordpiece},
    {"spm-bpe", TrainingKind::spm_bpe},
    {"unigram", TrainingKind::unigram},
}};

void report(const TokenizerTrainingOptions& options, std::string_view phase, double share) {
  if (options.on_progress && !options.on_progress({phase, share})) {
    throw Error(ErrorCode::cancelled, "training: interrupted; nothing was written");
  }
}

// Every thread counts whole blocks in a table of its own; the sums do not depend on who counted what.
WordCounts count_files(TextBlocks& blocks, const WordRules& rules, ThreadPool& pool) {
  const auto n_threads = static_cast<size_t>(pool.n_threads());
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

// Tells of its progress, too, between the parts that the caller's thread does, so that an interrupt need not wait.
class TrainingRun {
 public:
  TrainingRun(const TokenizerTrainingOptions& options, std::string_view phase, ThreadPool& pool)
      : options_(options), phase_(phase), pool_(pool) {}

  TrainedFile operator()(const TrainingRecipe& recipe, const WordCounts& words) {
    const RunParts run = [&](size_t n, const std::function<void(size_t)>& body) {
      pool_.parallel_for(static_cast<int64_t>(n), 1, [&](int64_t part, int64_t, int thread) {
        if (thread == 0) report(options_, phase_, share_);
        body(static_cast<size_t>(part));
      });
    };
    return recipe.train(words, run, [&](double share) { report(options_, phase_, share_ = share); });
  }

 private:
  const TokenizerTrainingOptions& options_;
  std::string_view phase_;
  ThreadPool& pool_;
  double share_ = 0;
};

}  // namespace

TrainingKind training_kind(std::string_view name) {
  for (const auto& [known, kind] : kKinds) {
    if (name == known) return kind;
  }
  throw Error(ErrorCode::invalid_argument,
              "kind '" + std::string(name) + "': there is none of that name; give bpe, wordpiece, spm-bpe or unigram");
}

TrainingReport train_tokenizer(std::span<const std::string> files, const std::string& out,
                               const TokenizerTrainingOptions& options) {
  const std::unique_ptr<TrainingRecipe> recipe = make_training_recipe(options);
  TextBlocks blocks({files.begin(), files.end()}, [&](double share) { report(options, "reading", share); });
  AtomicFile file(out);  // now, so that a folder that does not exist shows before the work
  ThreadPool pool(options.n_threads);
  const Stopwatch reading;
  const WordCounts words = count_files(blocks, recipe->rules(), pool);
  TrainingReport done{.n_bytes = blocks.n_read(),
                      .n_words = words.total(),
                      .n_distinct_words = static_cast<int64_t>(words.size()),
                      .read_seconds = reading.seconds()};
  const Stopwatch training;
  const TrainedFile trained = TrainingRun(options, recipe->phase(), pool)(*recipe, words);
  done.n_tokens = static_cast<int64_t>(trained.n_tokens);
  done.n_merges = static_cast<int64_t>(trained.n_merges);
  done.train_seconds = training.seconds();
  file.write(trained.content);
  file.commit();
  return done;
}

}  // namespace tidemill
