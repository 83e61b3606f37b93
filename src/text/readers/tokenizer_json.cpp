// Vocabulary and merges, which are nearly all of a file, are read by a cursor; the small parts become JSON documents.
#include "text/readers/tokenizer_json.h"

#include <algorithm>
#include <utility>

#include "text/readers/json_cursor.h"
#include "text/readers/json_fields.h"
#include "text/unicode/utf8.h"

namespace tidemill {
namespace {

using nlohmann::json;
using Kind = JsonCursor::Kind;

constexpr int64_t kMaxTokenId = (int64_t{1} << 21) - 1;
constexpr size_t kMaxAddedTokenBytes = size_t{1} << 16;

json parse_part(std::string_view text, const std::string& where) {
  try {
    return json::parse(text);
  } catch (const json::exception& problem) {
    throw Error(ErrorCode::bad_file, where + ": " + problem.what());
  }
}

// Fields of a model as they come.
struct ModelFields {
  bool has_vocab = false;
  bool vocab_is_list = false;
  bool has_merges = false;
  json others = json::object();
};

class ModelReader {
 public:
  // `n_bytes` of the file bound the ids, and with them the memory that they take.
  ModelReader(JsonCursor& cursor, const std::string& source, size_t n_bytes, ModelDescription& model)
      : cursor_(cursor),
        where_(source + ": model"),
        max_id_(std::min(kMaxTokenId, static_cast<int64_t>(n_bytes))),
        model_(model) {}

  void read() {
    cursor_.read_object([this](std::string_view key) {
      if (key == "vocab") {
        read_vocab();
      } else if (key == "merges") {
        read_merges();
      } else {
        fields_.others[std::string(key)] = parse_part(cursor_.skip(), where_ + "." + std::string(key));
      }
    });
    const JsonFields fields(fields_.others, where_);
    if (!fields_.has_vocab) fields.fail("vocab", "is missing");
    model_.kind = kind_of(fields);
    const bool is_unigram = model_.kind == ModelDescription::Kind::unigram;
    if (is_unigram != fields_.vocab_is_list) fields.fail("vocab", is_unigram ? "is not a list" : "is not an object");
    read_options(fields);
  }

 private:
  void read_vocab() {
    fields_.has_vocab = true;
    fields_.vocab_is_list = cursor_.peek() == Kind::array;
    model_.names.clear();
    model_.scores.clear();
    if (fields_.vocab_is_list) {
      cursor_.read_array([this] { read_scored_token(); });
    } else {
      cursor_.read_object([this](std::string_view name) { add_token(name, cursor_.read_integer()); });
    }
    model_.n_tokens =
        model_.names.size() - static_cast<size_t>(std::count(model_.names.begin(), model_.names.end(), ""));
  }

  void add_token(std::string_view name, int64_t id) {
    if (id < 0 || id > max_id_) {
      cursor_.fail("model.vocab gives token '" + std::string(name) + "' the id " + std::to_string(id) + ", not 0 to " +
                   std::to_string(max_id_) + ",");
    }
    const auto index = static_cast<size_t>(id);
    if (index >= model_.names.size()) model_.names.resize(index + 1);
    if (!model_.names[index].empty() && model_.names[index] != name) {
      cursor_.fail("model.vocab gives the tokens '" + std::string(model_.names[index]) + "' and '" + std::string(name) +
                   "' the same id " + std::to_string(id));
    }
    model_.names[index] = name;
  }

  void read_scored_token() {
    size_t n_items = 0;
    cursor_.read_array([&] {
      switch (n_items++) {
        case 0:
          model_.names.push_back(cursor_.read_string());
          break;
        case 1:
          model_.scores.push_back(cursor_.read_number());
          break;
        default:
          cursor_.fail("model.vocab has an entry that is not a token and its score");
      }
    });
    if (n_items != 2) cursor_.fail("model.vocab has an entry that is not a token and its score");
    if (std::ssize(model_.names) > kMaxTokenId) cursor_.fail("model.vocab has more than 2^21 tokens");
  }

  // "a b", or ["a", "b"] since tokenizers 0.20.
  void read_merges() {
    fields_.has_merges = true;
    model_.merges.clear();
    cursor_.read_array([this] {
      if (cursor_.peek() == Kind::array) {
        read_merge_list();
      } else {
        read_merge_text(cursor_.read_string());
      }
      if (model_.merges.size() > size_t{1} << 23) cursor_.fail("model.merges has more than 2^23 entries");
    });
  }

  void read_merge_list() {
    std::string_view parts[2];
    size_t n_parts = 0;
    cursor_.read_array([&] {
      if (n_parts == 2) cursor_.fail("model.merges has an entry that is not two tokens");
      parts[n_parts++] = cursor_.read_string();
    });
    if (n_parts != 2) cursor_.fail("model.merges has an entry that is not two tokens");
    model_.merges.emplace_back(parts[0], parts[1]);
  }

  void read_merge_text(std::string_view text) {
    if (text.starts_with("#version")) return;
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) {
      cursor_.fail("model.merges has the entry '" + std::string(text) + "', which is not two tokens,");
    }
    model_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }

  // Files before tokenizers 0.9 do not say what they are.
  ModelDescription::Kind kind_of(const JsonFields& fields) const {
    using enum ModelDescription::Kind;
    if (!fields.has("type")) {
      if (fields_.has_merges) return bpe;
      if (fields_.vocab_is_list) return unigram;
      return fields.has("continuing_subword_prefix") || fields.has("max_input_chars_per_word") ? wordpiece : word_level;
    }
    const std::string type = fields.text("type");
    if (type == "BPE") return bpe;
    if (type == "Unigram") return unigram;
    if (type == "WordPiece") return wordpiece;
    if (type == "WordLevel") return word_level;
    fields.fail_unsupported("type", "is '" + type + "', which is not known");
  }

  void read_options(const JsonFields& fields) {
    using enum ModelDescription::Kind;
    if (model_.kind == bpe) {
      if (!fields_.has_merges) fields.fail("merges", "is missing");
      if (fields.has("dropout") && fields_.others["dropout"] != 0) {
        fields.fail_unsupported("dropout", "is set, which makes ids random");
      }
      model_.fuse_unknown = fields.boolean_or("fuse_unk", false);
      model_.ignore_merges = fields.boolean_or("ignore_merges", false);
      model_.end_suffix = fields.text_or("end_of_word_suffix", "");
      model_.continuing_prefix = fields.text_or("continuing_subword_prefix", "");
      model_.unknown_token = fields.text_or("unk_token", "");
    }
    if (model_.kind == bpe || model_.kind == unigram) model_.byte_fallback = fields.boolean_or("byte_fallback", false);
    if (model_.kind == unigram) {
      model_.unknown_id = static_cast<int32_t>(fields.integer_or("unk_id", 0, std::ssize(model_.names) - 1, -1));
    }
    if (model_.kind == wordpiece) {
      model_.continuing_prefix = fields.text_or("continuing_subword_prefix", "##");
      model_.max_chars_per_word = static_cast<size_t>(fields.integer_or("max_input_chars_per_word", 0, INT32_MAX, 100));
    }
    if (model_.kind == wordpiece || model_.kind == word_level)
      model_.unknown_token = fields.text_or("unk_token", "[UNK]");
  }

  JsonCursor& cursor_;
  std::string where_;
  int64_t max_id_;
  ModelDescription& model_;
  ModelFields fields_;
};

Side side_of(const JsonFields& fields) {
  const std::string side = fields.text_or("direction", "Right");
  if (side == "Right") return Side::right;
  if (side == "Left") return Side::left;
  fields.fail("direction", "is '" + side + "', not Left or Right");
}

std::optional<Truncation> read_truncation(const json& value, const std::string& where) {
  if (value.is_null()) return {};
  const JsonFields fields(value, where);
  Truncation truncation;
  truncation.max_length = static_cast<size_t>(fields.integer("max_length", 0, INT32_MAX));
  truncation.stride = static_cast<size_t>(fields.integer_or("stride", 0, INT32_MAX, 0));
  truncation.side = side_of(fields);
  const std::string strategy = fields.text_or("strategy", "LongestFirst");
  if (strategy == "OnlyFirst") {
    truncation.strategy = Truncation::Strategy::only_first;
  } else if (strategy == "OnlySecond") {
    truncation.strategy = Truncation::Strategy::only_second;
  } else if (strategy != "LongestFirst") {
    fields.fail("strategy", "is '" + strategy + "', not LongestFirst, OnlyFirst or OnlySecond");
  }
  return truncation;
}

void read_padding(const json& value, const std::string& where, TokenizerDescription& description) {
  if (value.is_null()) return;
  const JsonFields fields(value, where);
  Padding padding;
  if (!fields.has("strategy")) fields.fail("strategy", "is missing");
  const json& strategy = value["strategy"];
  if (strategy.is_object()) {
    const std::string strategy_where = where + ".strategy";
    padding.length = static_cast<size_t>(JsonFields(strategy, strategy_where).integer("Fixed", 0, INT32_MAX));
  } else if (strategy != "BatchLongest") {
    fields.fail("strategy", "is neither BatchLongest nor Fixed");
  }
  padding.multiple_of = static_cast<size_t>(fields.integer_or("pad_to_multiple_of", 0, INT32_MAX, 0));
  padding.side = side_of(fields);
  padding.id = static_cast<int32_t>(fields.integer_or("pad_id", 0, INT32_MAX, 0));
  padding.type_id = static_cast<int32_t>(fields.integer_or("pad_type_id", 0, INT32_MAX, 0));
  description.pad_token = fields.text_or("pad_token", "[PAD]");
  description.padding = padding;
}

std::vector<AddedToken> read_added_tokens(const json& value, const std::string& where) {
  std::vector<AddedToken> tokens;
  if (value.is_null()) return tokens;
  if (!value.is_array()) throw Error(ErrorCode::bad_file, where + " is not a list; get the file again");
  tokens.reserve(value.size());
  for (size_t k = 0; k < value.size(); ++k) {
    const std::string item_where = where + "[" + std::to_string(k) + "]";
    const JsonFields fields(value[k], item_where);
    AddedToken token{.content = fields.text("content"),
                     .special = fields.boolean_or("special", false),
                     .normalized = fields.boolean_or("normalized", true),
                     .single_word = fields.boolean_or("single_word", false),
                     .lstrip = fields.boolean_or("lstrip", false),
                     .rstrip = fields.boolean_or("rstrip", false)};
    if (token.content.size() > kMaxAddedTokenBytes) fields.fail("content", "is longer than 64 KiB");
    if (!token.content.empty()) tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

TokenizerDescription read_tokenizer_json(std::string_view text, const std::string& source) {
  if (!is_utf8(text)) throw Error(ErrorCode::bad_file, source + ": is not UTF-8; get the file again");
  TokenizerDescription description;
  description.source = source;
  const auto cursor = std::make_shared<JsonCursor>(text, source);
  bool has_model = false;
  cursor->read_object([&](std::string_view key) {
    const std::string where = source + ": " + std::string(key);
    const auto part = [&] { return parse_part(cursor->skip(), where); };
    if (key == "model") {
      ModelReader(*cursor, source, text.size(), description.model).read();
      has_model = true;
    } else if (key == "added_tokens") {
      description.added_tokens = read_added_tokens(part(), where);
    } else if (key == "normalizer") {
      description.normalizer = part();
    } else if (key == "pre_tokenizer") {
      description.pre_tokenizer = part();
    } else if (key == "post_processor") {
      description.post_processor = part();
    } else if (key == "decoder") {
      description.decoder = part();
    } else if (key == "truncation") {
      description.truncation = read_truncation(part(), where);
    } else if (key == "padding") {
      read_padding(part(), where, description);
    } else if (key == "version") {
      const std::string_view version = cursor->read_string();
      if (version != "1.0") cursor->fail("version is '" + std::string(version) + "', not '1.0',");
    } else {
      cursor->skip();
    }
  });
  cursor->finish();
  if (!has_model) throw Error(ErrorCode::bad_file, source + ": model is missing; is this a tokenizer.json?");
  description.storage = cursor;  // it holds the strings that had escapes
  number_added_tokens(description);
  return description;
}

}  // namespace tidemill
