// PromptCache: states of prompts on disk, so that a prompt that begins as an earlier one is read from where the two
// differ, by another process, too.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "tidemill/engine.h"

namespace tidemill {

struct PromptCacheOptions {
  // One file, or a folder of many where it is one already or ends in '/'.
  std::string path;
  // Of a folder: while its states take more, those that were used least lately go.
  int64_t max_bytes = int64_t{1} << 30;
  // Told, in one line, of a file that cannot be used, and why.  Such files are no errors: the prompt is read instead.
  std::function<void(const std::string& note)> on_note = {};
};

// For sessions of one engine.  Used by one thread at a time; several processes may share a folder.
class PromptCache {
 public:
  // Throws invalid_argument for an empty path or a limit below 1, and unsupported for an encoder.
  PromptCache(const Engine& engine, PromptCacheOptions options);

  // Makes `session` hold the text whose beginning is most of `prompt`, of the same model and precision; returns how
  // many ids they share, never the prompt's last, whose scores are needed.  A file of another kind, of another model,
  // damaged or made up is ignored.
  int64_t load(Session& session, std::span<const int32_t> prompt);

  // Cuts `session` to what it holds of the beginning of `prompt`, less the prompt's last id, and saves that unless
  // `load` found as much.  A recurrent session, which cannot go back, reads it again.  A file that is no saved state is
  // never replaced.  What fails, such as a full disk, is told of and does no other harm.
  void store(Session& session, std::span<const int32_t> prompt);

 private:
  std::string name_in_folder(std::span<const int32_t> ids) const;
  void save(const Session& session, std::span<const int32_t> ids);
  void make_room() const;
  void note(const std::string& text) const;

  Engine engine_;
  PromptCacheOptions options_;
  bool is_folder_;
  int64_t n_loaded_ = 0;
};

}  // namespace tidemill
