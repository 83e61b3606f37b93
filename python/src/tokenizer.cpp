#include "python/src/tokenizer.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <type_traits>

#include "python/src/arrays.h"
#include "python/src/module.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/system.h"

namespace tidemill::python {
namespace {

using Spans = std::vector<std::pair<int64_t, int64_t>>;

SpecialText special_text_of(const std::string& name) {
  if (name == "standard") return SpecialText::standard;
  if (name == "parse") return SpecialText::parse;
  if (name == "as_text") return SpecialText::as_text;
  if (name == "forbid") return SpecialText::forbid;
  throw Error(ErrorCode::invalid_argument,
              "special_text: '" + printable(name, 50) + "' is none of standard, parse, as_text, forbid");
}

Side side_of(const std::string& name, const char* option) {
  if (name != "left" && name != "right")
    throw Error(ErrorCode::invalid_argument,
                std::string(option) + ": '" + printable(name, 50) + "' is neither left nor right");
  return name == "left" ? Side::left : Side::right;
}

// Of texts that are padded to a number of tokens; more would be a mistake that takes all memory.
constexpr size_t kMostPadding = size_t{1} << 28;

size_t length_of(const nb::handle& padding) {
  size_t length = 0;
  if (!nb::try_cast(nb::borrow(padding), length))
    throw nb::type_error("padding: give True, False or a number of tokens, 0 or more");
  if (length > kMostPadding) {
    throw Error(ErrorCode::invalid_argument, "padding: " + std::to_string(length) +
                                                 " tokens are too many; give at most " + std::to_string(kMostPadding));
  }
  return length;
}

// What the encoding functions take by name.
EncodeOptions options_of(bool add_special_tokens, const std::string& special_text, std::optional<size_t> max_length,
                         size_t stride, const std::string& truncation_side, const nb::handle& padding, int32_t pad_id,
                         const std::string& padding_side) {
  EncodeOptions options{.add_special_tokens = add_special_tokens, .special_text = special_text_of(special_text)};
  if (max_length)
    options.truncation =
        Truncation{.max_length = *max_length, .stride = stride, .side = side_of(truncation_side, "truncation_side")};
  if (nb::isinstance<nb::bool_>(padding) ? nb::cast<bool>(padding) : !padding.is_none()) {
    options.padding = Padding{.side = side_of(padding_side, "padding_side"), .id = pad_id};
    if (!nb::isinstance<nb::bool_>(padding)) options.padding->length = length_of(padding);
  }
  return options;
}

Spans in_characters(std::string_view text, const std::vector<TokenSpan>& spans) {
  Spans found;
  for (const TokenSpan& span : character_spans(text, spans)) found.emplace_back(span.begin, span.end);
  return found;
}

int threads_of(int n_threads) {
  return n_threads == 0 ? cpu_info().n_cores : n_threads;
}

SharedTokenizer load(const std::string& path, size_t cache_bytes, size_t cache_capacity) {
  const nb::gil_scoped_release released;
  SharedTokenizer loaded{Tokenizer::from_file(path, {.cache_bytes = cache_bytes})};
  if (cache_capacity > 0)
    loaded.encodings = std::make_shared<EncodingCache>(loaded.tokenizer, CacheOptions{.capacity = cache_capacity});
  return loaded;
}

std::vector<int32_t> encode(const SharedTokenizer& self, std::string_view text, const EncodeOptions& options) {
  const nb::gil_scoped_release released;
  return self.encodings ? *self.encodings->encode(text, options) : self.tokenizer->encode(text, options);
}

Encoding encode_full(const SharedTokenizer& self, std::string_view text, const std::optional<std::string>& second,
                     const EncodeOptions& options) {
  const nb::gil_scoped_release released;
  return second ? self.tokenizer->encode_pair(text, *second, options) : self.tokenizer->encode_full(text, options);
}

std::pair<std::vector<int32_t>, Spans> offsets(const SharedTokenizer& self, std::string_view text,
                                               const EncodeOptions& options) {
  const nb::gil_scoped_release released;
  std::vector<TokenSpan> spans;
  std::vector<int32_t> ids = self.tokenizer->encode(text, options, &spans);
  return {std::move(ids), in_characters(text, spans)};
}

using ListOfLists = nb::typed<nb::list, nb::typed<nb::list, int>>;
template <typename T>
using FlatArray = nb::ndarray<nb::numpy, T, nb::ndim<1>>;

template <typename Encoded>
ListOfLists lists_of(SharedTokenizer& self, const std::vector<Encoded>& encoded) {
  if (!self.lists) self.lists = std::make_shared<IdLists>(self.tokenizer->vocab_size());
  const IdLists::WithoutCollector rest;
  nb::object lists = nb::steal(PyList_New(std::ssize(encoded)));
  if (!lists.is_valid()) throw nb::python_error();
  for (size_t i = 0; i < encoded.size(); ++i) {
    std::span<const int32_t> ids;
    if constexpr (std::is_same_v<Encoded, EncodingCache::Ids>)
      ids = *encoded[i];
    else
      ids = encoded[i];
    NB_LIST_SET_ITEM(lists.ptr(), static_cast<Py_ssize_t>(i), self.lists->list(ids).release().ptr());
  }
  return nb::borrow<ListOfLists>(lists);
}

ListOfLists encode_batch(SharedTokenizer& self, const std::vector<std::string_view>& texts,
                         const EncodeOptions& options, int n_threads) {
  if (self.encodings) {
    std::vector<EncodingCache::Ids> encoded;
    {
      const nb::gil_scoped_release released;
      encoded = self.encodings->encode_batch(texts, options, threads_of(n_threads));
    }
    return lists_of(self, encoded);
  }
  std::vector<std::vector<int32_t>> encoded;
  {
    const nb::gil_scoped_release released;
    encoded = self.tokenizer->encode_batch(texts, options, threads_of(n_threads));
  }
  return lists_of(self, encoded);
}

// All ids one after the other, and where those of each text begin, with the end of all behind them.
std::pair<FlatArray<int32_t>, FlatArray<int64_t>> encode_batch_flat(const SharedTokenizer& self,
                                                                    const std::vector<std::string_view>& texts,
                                                                    const EncodeOptions& options, int n_threads) {
  std::vector<int32_t> ids;
  std::vector<int64_t> begins = {0};
  {
    const nb::gil_scoped_release released;
    const auto encoded = self.tokenizer->encode_batch(texts, options, threads_of(n_threads));
    for (const auto& one : encoded) begins.push_back(begins.back() + std::ssize(one));
    ids.reserve(static_cast<size_t>(begins.back()));
    for (const auto& one : encoded) ids.insert(ids.end(), one.begin(), one.end());
  }
  return {array_of(std::move(ids)), array_of(std::move(begins))};
}

std::vector<std::string> decode_batch(const SharedTokenizer& self, const std::vector<std::vector<int32_t>>& batch,
                                      bool skip_special_tokens) {
  const nb::gil_scoped_release released;
  std::vector<std::string> texts;
  texts.reserve(batch.size());
  for (const auto& ids : batch) texts.push_back(self.tokenizer->decode(ids, skip_special_tokens));
  return texts;
}

std::vector<int> as_ints(const std::vector<uint8_t>& mask) {
  return {mask.begin(), mask.end()};
}

Spans byte_offsets(const Encoding& self) {
  Spans spans;
  for (const TokenSpan& span : self.spans) spans.emplace_back(span.begin, span.end);
  return spans;
}

void bind_encode_options(nb::module_& module) {
  nb::class_<EncodeOptions>(module, "EncodeOptions")
      .def(
          "__init__",
          [](EncodeOptions* self, bool add_special_tokens, const std::string& special_text,
             std::optional<size_t> max_length, size_t stride, const std::string& truncation_side, nb::object padding,
             int32_t pad_id, const std::string& padding_side) {
            new (self) EncodeOptions(options_of(add_special_tokens, special_text, max_length, stride, truncation_side,
                                                padding, pad_id, padding_side));
          },
          nb::kw_only(), nb::arg("add_special_tokens") = true, nb::arg("special_text") = "standard",
          nb::arg("max_length") = nb::none(), nb::arg("stride") = 0, nb::arg("truncation_side") = "right",
          nb::arg("padding") = false, nb::arg("pad_id") = 0, nb::arg("padding_side") = "right");
}

void bind_encoding(nb::module_& module) {
  nb::class_<Encoding>(module, "Encoding", "A text with all that is known about its tokens; lists have one entry each.")
      .def_ro("ids", &Encoding::ids)
      .def_ro("word_ids", &Encoding::word_ids, "The word of each token, from 0; -1 for tokens that were added.")
      .def_ro("type_ids", &Encoding::type_ids)
      .def_ro("sequence_ids", &Encoding::sequence_ids)
      .def_prop_ro("attention_mask", [](const Encoding& self) { return as_ints(self.attention_mask); })
      .def_prop_ro("special_tokens_mask", [](const Encoding& self) { return as_ints(self.special_tokens_mask); })
      .def_prop_ro("byte_offsets", &byte_offsets)
      .def_ro("overflowing", &Encoding::overflowing, "What was cut off, in parts of the same form.");
}

using TokenizerClass = nb::class_<SharedTokenizer>;

void bind_encoding_functions(TokenizerClass& tokenizer) {
  tokenizer.def("encode", &encode, nb::arg("text"), nb::arg("options"))
      .def("encode_full", &encode_full, nb::arg("text"), nb::arg("second").none(), nb::arg("options"))
      .def("offsets", &offsets, nb::arg("text"), nb::arg("options"))
      .def("encode_batch", &encode_batch, nb::arg("texts"), nb::arg("options"), nb::arg("num_threads"))
      .def("encode_batch_flat", &encode_batch_flat, nb::arg("texts"), nb::arg("options"), nb::arg("num_threads"))
      .def(
          "count",
          [](const SharedTokenizer& self, std::string_view text, const EncodeOptions& options) {
            const nb::gil_scoped_release released;
            return self.tokenizer->count(text, options);
          },
          nb::arg("text"), nb::arg("options"));
}

void bind_decoding_functions(TokenizerClass& tokenizer) {
  tokenizer
      .def(
          "decode",
          [](const SharedTokenizer& self, const std::vector<int32_t>& ids, bool skip_special_tokens) {
            const nb::gil_scoped_release released;
            return self.tokenizer->decode(ids, skip_special_tokens);
          },
          nb::arg("ids"), nb::arg("skip_special_tokens"))
      .def("decode_batch", &decode_batch, nb::arg("batch"), nb::arg("skip_special_tokens"));
}

void bind_vocabulary(TokenizerClass& tokenizer) {
  tokenizer
      .def(
          "token_name",
          [](const SharedTokenizer& self, int32_t id) {
            const std::string_view name = self.tokenizer->token_name(id);
            return nb::bytes(name.data(), name.size());
          },
          nb::arg("id"))
      .def(
          "token_id",
          [](const SharedTokenizer& self, const nb::bytes& name) {
            return self.tokenizer->token_id({name.c_str(), name.size()});
          },
          nb::arg("name"))
      .def(
          "is_special", [](const SharedTokenizer& self, int32_t id) { return self.tokenizer->is_special(id); },
          nb::arg("id"))
      .def_prop_ro("vocab_size", [](const SharedTokenizer& self) { return self.tokenizer->vocab_size(); })
      .def_prop_ro("bos_id", [](const SharedTokenizer& self) { return self.tokenizer->bos_id(); })
      .def_prop_ro("stop_ids", [](const SharedTokenizer& self) {
        const auto ids = self.tokenizer->stop_ids();
        return std::vector<int32_t>(ids.begin(), ids.end());
      });
}

void bind_caches(TokenizerClass& tokenizer) {
  tokenizer.def("cache_statistics", [](const SharedTokenizer& self) { return self.tokenizer->cache_statistics(); })
      .def(
          "encoding_statistics",
          [](const SharedTokenizer& self) { return self.encodings ? self.encodings->statistics() : CacheStatistics(); })
      .def("clear_encodings", [](const SharedTokenizer& self) {
        if (self.encodings) self.encodings->clear();
      });
}

}  // namespace

void bind_tokenizer(nb::module_& module) {
  bind_encode_options(module);
  bind_encoding(module);
  TokenizerClass tokenizer(module, "Tokenizer");
  tokenizer.def_static("from_file", &load, nb::arg("path"), nb::arg("cache_bytes"), nb::arg("cache_capacity") = 0)
      .def_static(
          "from_model",
          [](const std::string& model, size_t cache_bytes, size_t cache_capacity) {
            return load(is_plain_tokenizer_name(model) ? model : resolve_model(model), cache_bytes, cache_capacity);
          },
          nb::arg("model"), nb::arg("cache_bytes"), nb::arg("cache_capacity") = 0);
  bind_encoding_functions(tokenizer);
  bind_decoding_functions(tokenizer);
  bind_vocabulary(tokenizer);
  bind_caches(tokenizer);
}

}  // namespace tidemill::python
