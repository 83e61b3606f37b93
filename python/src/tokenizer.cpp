#include "python/src/tokenizer.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

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
    if (!nb::isinstance<nb::bool_>(padding)) options.padding->length = nb::cast<size_t>(padding);
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

}  // namespace

void bind_tokenizer(nb::module_& module) {
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

  nb::class_<Encoding>(module, "Encoding", "A text with all that is known about its tokens; lists have one entry each.")
      .def_ro("ids", &Encoding::ids)
      .def_ro("word_ids", &Encoding::word_ids, "The word of each token, from 0; -1 for tokens that were added.")
      .def_ro("type_ids", &Encoding::type_ids)
      .def_ro("sequence_ids", &Encoding::sequence_ids)
      .def_prop_ro(
          "attention_mask",
          [](const Encoding& self) { return std::vector<int>(self.attention_mask.begin(), self.attention_mask.end()); })
      .def_prop_ro("special_tokens_mask",
                   [](const Encoding& self) {
                     return std::vector<int>(self.special_tokens_mask.begin(), self.special_tokens_mask.end());
                   })
      .def_prop_ro("byte_offsets",
                   [](const Encoding& self) {
                     Spans spans;
                     for (const TokenSpan& span : self.spans) spans.emplace_back(span.begin, span.end);
                     return spans;
                   })
      .def_ro("overflowing", &Encoding::overflowing, "What was cut off, in parts of the same form.");

  nb::class_<CacheStatistics>(module, "CacheStatistics")
      .def_ro("hits", &CacheStatistics::hits)
      .def_ro("misses", &CacheStatistics::misses)
      .def_ro("bytes", &CacheStatistics::bytes);

  nb::class_<SharedTokenizer>(module, "Tokenizer")
      .def_static(
          "from_file",
          [](const std::string& path, size_t cache_bytes) {
            const nb::gil_scoped_release released;
            return SharedTokenizer{Tokenizer::from_file(path, {.cache_bytes = cache_bytes})};
          },
          nb::arg("path"), nb::arg("cache_bytes"))
      .def_static(
          "from_model",
          [](const std::string& model, size_t cache_bytes) {
            const nb::gil_scoped_release released;
            return SharedTokenizer{Tokenizer::from_file(resolve_model(model), {.cache_bytes = cache_bytes})};
          },
          nb::arg("model"), nb::arg("cache_bytes"))
      .def(
          "encode",
          [](const SharedTokenizer& self, std::string_view text, const EncodeOptions& options) {
            const nb::gil_scoped_release released;
            return self.tokenizer->encode(text, options);
          },
          nb::arg("text"), nb::arg("options"))
      .def(
          "encode_full",
          [](const SharedTokenizer& self, std::string_view text, const std::optional<std::string>& second,
             const EncodeOptions& options) {
            const nb::gil_scoped_release released;
            return second ? self.tokenizer->encode_pair(text, *second, options)
                          : self.tokenizer->encode_full(text, options);
          },
          nb::arg("text"), nb::arg("second").none(), nb::arg("options"))
      .def(
          "offsets",
          [](const SharedTokenizer& self, std::string_view text, const EncodeOptions& options) {
            std::pair<std::vector<int32_t>, Spans> found;
            const nb::gil_scoped_release released;
            std::vector<TokenSpan> spans;
            found.first = self.tokenizer->encode(text, options, &spans);
            found.second = in_characters(text, spans);
            return found;
          },
          nb::arg("text"), nb::arg("options"))
      .def(
          "encode_batch",
          [](const SharedTokenizer& self, const std::vector<std::string_view>& texts, const EncodeOptions& options,
             int n_threads) {
            const nb::gil_scoped_release released;
            return self.tokenizer->encode_batch(texts, options, threads_of(n_threads));
          },
          nb::arg("texts"), nb::arg("options"), nb::arg("num_threads"))
      .def(
          "count",
          [](const SharedTokenizer& self, std::string_view text, const EncodeOptions& options) {
            const nb::gil_scoped_release released;
            return self.tokenizer->count(text, options);
          },
          nb::arg("text"), nb::arg("options"))
      .def(
          "decode",
          [](const SharedTokenizer& self, const std::vector<int32_t>& ids, bool skip_special_tokens) {
            const nb::gil_scoped_release released;
            return self.tokenizer->decode(ids, skip_special_tokens);
          },
          nb::arg("ids"), nb::arg("skip_special_tokens"))
      .def("token_name",
           [](const SharedTokenizer& self, int32_t id) { return std::string(self.tokenizer->token_name(id)); })
      .def("token_id",
           [](const SharedTokenizer& self, std::string_view name) { return self.tokenizer->token_id(name); })
      .def("is_special", [](const SharedTokenizer& self, int32_t id) { return self.tokenizer->is_special(id); })
      .def_prop_ro("vocab_size", [](const SharedTokenizer& self) { return self.tokenizer->vocab_size(); })
      .def_prop_ro("bos_id", [](const SharedTokenizer& self) { return self.tokenizer->bos_id(); })
      .def_prop_ro("stop_ids",
                   [](const SharedTokenizer& self) {
                     const auto ids = self.tokenizer->stop_ids();
                     return std::vector<int32_t>(ids.begin(), ids.end());
                   })
      .def("cache_statistics", [](const SharedTokenizer& self) { return self.tokenizer->cache_statistics(); });
}

}  // namespace tidemill::python
