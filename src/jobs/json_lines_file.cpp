// JSONL: each line comes back as it was written, with one field more.
#include <nlohmann/json.hpp>

#include "jobs/line_reader.h"
#include "jobs/text_file.h"
#include "sys/atomic_file.h"
#include "tidemill/error.h"
#include "tidemill/vector_json.h"

namespace tidemill {
namespace {

class JsonLinesFile : public TextFile {
 public:
  JsonLinesFile(const JobFile& file, const TextColumns& columns)
      : path_(file.input),
        columns_(columns),
        key_(nlohmann::json(columns.vector).dump() + ":"),
        lines_(file.input),
        out_(file.output) {}

  TextBlock read() override {
    TextBlock block;
    const int64_t n_before = lines_.n_read();
    size_t n_bytes = 0;
    std::string_view line;
    while (block.rows.size() < kBlockTexts && n_bytes < kBlockBytes && lines_.next(line)) {
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      add(line, block);
      n_bytes += line.size();
    }
    block.n_bytes = lines_.n_read() - n_before;
    return block;
  }

  void write(const TextBlock& block, std::span<const std::vector<float>> vectors) override {
    std::string text;
    size_t next = 0;
    for (size_t row = 0; row < block.rows.size(); ++row) {
      const std::string& line = block.rows[row];
      text.append(line, 0, line.rfind('}'));
      text += ',' + key_;  // never the first: a line has its text
      if (block.has_text[row]) {
        text += vector_json(vectors[next++]);
      } else {
        text += "null";
      }
      text += "}\n";
    }
    out_.write(text);
  }

  int64_t commit() override {
    out_.commit();
    return out_.n_written();
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_file, path_ + ", line " + std::to_string(lines_.line_number()) + ": " + why);
  }

  void add(std::string_view line, TextBlock& block) {
    nlohmann::json object;
    try {
      object = nlohmann::json::parse(line);
    } catch (const nlohmann::json::exception& problem) {
      fail(problem.what());
    }
    if (!object.is_object()) fail("is not a JSON object; give one object a line");
    if (object.contains(columns_.vector))
      fail("has a field '" + columns_.vector + "' already; name another by --output-column");
    const auto text = object.find(columns_.text);
    if (text == object.end()) fail("has no field '" + columns_.text + "'; name the one of the texts by --column");
    if (!text->is_string() && !text->is_null())
      fail("field '" + columns_.text + "' is no text; it must be one, or null");
    block.has_text.push_back(text->is_string());
    if (text->is_string()) block.texts.push_back(std::move(text->get_ref<std::string&>()));
    block.rows.emplace_back(line);
  }

  std::string path_;
  TextColumns columns_;
  std::string key_;
  LineReader lines_;
  AtomicFile out_;
};

}  // namespace

std::unique_ptr<TextFile> open_json_lines(const JobFile& file, const TextColumns& columns) {
  return std::make_unique<JsonLinesFile>(file, columns);
}

}  // namespace tidemill
