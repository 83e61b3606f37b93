// What every tokenizer model has in common: it turns pieces of text, cut by a pre-tokenizer, into tokens.
//
// Pieces come in blocks rather than one by one, so that the call, the cache and the buffers are paid for once a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tidemill/tokenizer.h"

namespace tidemill {

// Bytes [begin, end) of a text of less than 4 GiB.
struct ByteRange {
  uint32_t begin, end;
};

// Where a model writes.  `ranges` and `pieces` are only filled when they are asked for.
struct PieceTokens {
  std::vector<int32_t>& ids;
  std::vector<ByteRange>* ranges = nullptr;  // per id: the bytes of the text that it stands for
  std::vector<uint32_t>* pieces = nullptr;   // per id: which of the given pieces it comes from, from 0
};

class WordNormalizer;

// Immutable after loading; any number of threads may call it, each with a scratch of its own.
class PieceModel {
 public:
  // Buffers and a cache of pieces that live from call to call; made by the model, used by one thread at a time.
  class Scratch {
   public:
    virtual ~Scratch() = default;
    // How many bytes the cache may take from now on; 0 turns it off.  A scratch without a cache has nothing to do.
    virtual void limit_cache(size_t /*n_bytes*/) {}
    virtual CacheStatistics cache_statistics() const { return {}; }
  };

  virtual ~PieceModel() = default;
  virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  // Whether scratches can share one cache.
  virtual bool shares_caches() const { return false; }
  // A scratch that uses the cache of `other`, a scratch of this model, together with it; `other` counts its bytes.
  virtual std::unique_ptr<Scratch> make_sharing_scratch(const Scratch& /*other*/) const { return make_scratch(); }

  // Appends the tokens of `pieces`, ranges of the valid UTF-8 `text` in ascending order, to `tokens`.  Time is linear
  // in the bytes of the pieces, or nearly so, whatever they are.
  virtual void encode(std::string_view text, std::span<const ByteRange> pieces, Scratch& scratch,
                      PieceTokens tokens) const = 0;

  // Whether encode_raw is of use.
  virtual bool reads_raw_text() const { return false; }
  // Appends the ids of a valid UTF-8 text that has gone through no stage but that of special tokens, where the model
  // was told what the others would do (RawText).  `at_start`: the caller's text begins with it.  False, and nothing
  // appended, for a text that must go through them.
  virtual bool encode_raw(std::string_view /*text*/, bool /*at_start*/, Scratch& /*scratch*/,
                          std::vector<int32_t>& /*ids*/) const {
    return false;
  }
  // A way past the normalizer: appends the ids of the valid UTF-8 `text`, which `normalizer` would make one piece of.
  // False, with nothing appended, for a text that must go through it as a whole.
  virtual bool encode_by_words(std::string_view /*text*/, const WordNormalizer& /*normalizer*/, Scratch& /*scratch*/,
                               std::vector<int32_t>& /*ids*/) const {
    return false;
  }

  // Some words of a text, as far as they can be encoded without those before them.  Refers to the text.
  class OpenWords {
   public:
    virtual ~OpenWords() = default;
  };
  // The same way for a text in parts, cut at white space, that threads take in any order.  Null for a text that must go
  // through the normalizer as a whole, and where encode_by_words does not need what is before a word.
  virtual std::unique_ptr<OpenWords> open_words(std::string_view /*part*/, const WordNormalizer& /*normalizer*/,
                                                Scratch& /*scratch*/) const {
    return nullptr;
  }
  // Appends the ids of a part, after those of all before it.  `sum`: 0 for the first part, then what was left in it.
  // False for a text that must go through the normalizer as a whole.
  virtual bool close_words(const OpenWords& /*part*/, const WordNormalizer& /*normalizer*/, Scratch& /*scratch*/,
                           double& /*sum*/, std::vector<int32_t>& /*ids*/) const {
    return false;
  }

  virtual int32_t vocab_size() const = 0;
  // The token as the vocabulary spells it; `id` is in range.  A hole in the vocabulary has an empty name.
  virtual std::string_view token_name(int32_t id) const = 0;
  // The id of that spelling; -1 when there is none.
  virtual int32_t token_id(std::string_view name) const = 0;
};

}  // namespace tidemill
