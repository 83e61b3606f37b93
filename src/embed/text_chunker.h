// TextChunker: text that comes in pieces, cut anywhere, becomes chunks of whole words and characters with their places
// in the whole text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "embed/sentence_end.h"

namespace tidemill {

struct TextChunk {
  std::string text;  // without white space at its ends
  // Bytes [begin_byte, end_byte) of the stream.  Tokens likewise: so many as the text has; the next chunk begins where
  // this one ends, or as many tokens before that as the text has that both share.
  int64_t begin_byte = 0, end_byte = 0;
  int64_t begin_token = 0, end_token = 0;
};

struct ChunkerOptions {
  int64_t most_tokens = 128;  // of a chunk
  int64_t overlap = 0;        // tokens that it shares at most with the one before; less than most_tokens
  bool by_sentence = false;   // a chunk ends with a sentence, too
  // Tokens of a text, without special ones.
  std::function<int64_t(std::string_view)> count = {};
};

class TextChunker {
 public:
  explicit TextChunker(ChunkerOptions options) : options_(std::move(options)) {}

  // Appends the chunks that are complete now to `chunks`.
  void push(std::string_view text, std::vector<TextChunk>& chunks);
  // Ends the current chunk behind the last whole word, or character when there is only one word.
  void cut(std::vector<TextChunk>& chunks);
  // Ends it behind all that is there but a character of which bytes are missing.
  void flush(std::vector<TextChunk>& chunks) { take_all(true, chunks); }
  // The rest; then the chunker is done.
  void finish(std::vector<TextChunk>& chunks);

  // What no chunk has yet.
  int64_t n_waiting_bytes() const { return std::ssize(pending_) - static_cast<int64_t>(n_shared_bytes_); }

 private:
  // Some white space and a word, or a part of one.
  struct Unit {
    size_t end;  // in pending_
    int64_t n_tokens;
  };

  void take_all(bool whole_characters_only, std::vector<TextChunk>& chunks);
  void advance(std::string_view text, bool is_all, std::vector<TextChunk>& chunks);
  void add_unit(size_t end, std::vector<TextChunk>& chunks);
  void emit(std::vector<TextChunk>& chunks);
  void keep_overlap(size_t end);
  void drop_front(size_t n_bytes);
  size_t taken() const { return units_.empty() ? 0 : units_.back().end; }

  ChunkerOptions options_;
  SentenceScanner scanner_;
  std::string pending_;        // from the beginning of the current chunk on
  int64_t n_before_ = 0;       // bytes of the stream before pending_
  std::vector<Unit> units_;    // of the current chunk
  int64_t n_tokens_ = 0;       // of them, nearly
  size_t n_shared_bytes_ = 0;  // of pending_ that the chunk before has, too
  int64_t begin_token_ = 0;
};

}  // namespace tidemill
