// The plan as lines of JSON, and back.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "compress/delta/file_layout.h"
#include "compress/delta/float_elements.h"
#include "compress/delta/lossy_blocks.h"
#include "compress/delta/model_files.h"
#include "compress/delta/plan.h"
#include "formats/json_file.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::array<std::string_view, 7> kCodeNames = {"blocks", "copy",     "packed", "zeros",
                                                        "scaled", "low_rank", "moved"};
constexpr size_t kMaxRankOfPart = 8;
constexpr uint64_t kMaxRankOfCode = 4096;
constexpr uint64_t kMaxZeros = 1 << 20;  // the padding of GGUF files, the only use of zeros, is shorter

// Names of tensors only serve people here, and those of a GGUF need not be UTF-8.  Names of files must be themselves.
void append_part(std::string& text, const ordered_json& line) {
  text += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

void append_file(std::string& text, const ordered_json& line) {
  try {
    text += line.dump() + "\n";
  } catch (const json::type_error&) {
    throw Error(ErrorCode::bad_file, line.begin()->dump(-1, ' ', true, ordered_json::error_handler_t::replace) +
                                         ": a name that is not UTF-8; rename the file");
  }
}

ordered_json kind_name(bool is_folder) {
  return is_folder ? "folder" : "file";
}

ordered_json part_line(const PlanPart& part) {
  ordered_json line;
  if (!part.tensor.empty()) line["tensor"] = part.tensor;
  if (part.dtype != "u8" || !part.tensor.empty()) line["dtype"] = part.dtype;
  if (!part.shape.empty() || !part.tensor.empty()) line["shape"] = part.shape;
  line["bytes"] = part.n_bytes;
  if (part.code != PartCode::blocks) line["code"] = kCodeNames[static_cast<size_t>(part.code)];
  if (part.code == PartCode::scaled) line.update({{"bits", part.bits}, {"group", part.group}});
  if (part.code == PartCode::low_rank) line["rank"] = part.rank;
  if (part.base) {
    line["base"] = {part.base->file, part.base->begin};
    if (part.has_free_base()) line["base"].push_back(part.base->n_bytes);
  }
  if (!part.from.empty()) line["from"] = part.from;
  return line;
}

class PlanReader {
 public:
  explicit PlanReader(const std::string& file) : file_(file) {}

  void read_line(std::string_view text);
  DeltaPlan finish();

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_file, file_ + ": the plan, line " + std::to_string(n_lines_) + ": " + why +
                                         "; the file is damaged, get it anew");
  }
  const json& field(const json& line, const char* name) const;
  uint64_t number(const json& value, const std::string& what, uint64_t limit) const;
  std::string text(const json& line, const char* name) const;
  bool is_folder(const json& line, const char* name) const;
  std::string file_name(const json& line, const char* name) const;
  ContentHash hash(const json& line) const;
  void read_opening(const json& line);
  void read_file(const json& line);
  void read_part(const json& line);
  void read_lossy(const json& line, PlanPart& part) const;
  BaseRange range(const json& line, const PlanPart& part) const;
  void end_file() const;

  const std::string& file_;
  DeltaPlan plan_;
  std::set<std::string, std::less<>> names_;
  uint64_t n_lines_ = 0;
  uint64_t n_left_ = 0;  // bytes of the file that is being described
};

const json& PlanReader::field(const json& line, const char* name) const {
  const auto found = line.find(name);
  if (found == line.end()) fail(quoted(name) + " is missing");
  return *found;
}

uint64_t PlanReader::number(const json& value, const std::string& what, uint64_t limit) const {
  if (!value.is_number_unsigned()) fail(what + " is no whole number");
  const auto result = value.get<uint64_t>();
  if (result > limit) fail(what + " is " + grouped(result) + ", at most " + grouped(limit) + " are possible");
  return result;
}

std::string PlanReader::text(const json& line, const char* name) const {
  const json& value = field(line, name);
  if (!value.is_string()) fail(quoted(name) + " is no text");
  return value.get<std::string>();
}

bool PlanReader::is_folder(const json& line, const char* name) const {
  const std::string kind = text(line, name);
  if (kind != "folder" && kind != "file") fail(quoted(name) + " is neither file nor folder");
  return kind == "folder";
}

std::string PlanReader::file_name(const json& line, const char* name) const {
  const std::string result = text(line, name);
  if (!is_safe_name(result)) fail(quoted(std::string_view(result)) + " is no name of a file below a folder");
  return result;
}

ContentHash PlanReader::hash(const json& line) const {
  const auto result = ContentHash::from_hex(text(line, "hash"));
  if (!result) fail("'hash' is not 32 digits");
  return *result;
}

void PlanReader::read_line(std::string_view line_text) {
  ++n_lines_;
  const json line = parse_json(line_text, file_ + ": the plan, line " + std::to_string(n_lines_));
  if (!line.is_object()) fail("no object");
  if (n_lines_ == 1) return read_opening(line);
  if (line.contains("file")) return read_file(line);
  read_part(line);
}

void PlanReader::read_opening(const json& line) {
  plan_.is_folder = is_folder(line, "result");
  plan_.base_is_folder = is_folder(line, "base");
  const json& files = field(line, "base_files");
  if (!files.is_array()) fail("'base_files' is no list");
  for (const json& file : files) {
    if (!file.is_object()) fail("'base_files' holds what is no object");
    plan_.base.push_back({.name = file_name(file, "name"),
                          .n_bytes = number(field(file, "bytes"), "'bytes'", kPlanMaxFileBytes),
                          .hash = hash(file)});
  }
  if (!plan_.base_is_folder && plan_.base.size() > 1) fail("a base of one file has several");
}

void PlanReader::end_file() const {
  if (n_left_ > 0)
    fail("the parts of " + quoted(std::string_view(plan_.files.back().name)) + " lack " + grouped(n_left_) + " bytes");
}

void PlanReader::read_file(const json& line) {
  end_file();
  PlanFile file{.name = file_name(line, "file"),
                .n_bytes = number(field(line, "bytes"), "'bytes'", kPlanMaxFileBytes),
                .hash = hash(line),
                .parts = {}};
  if (!plan_.is_folder && !plan_.files.empty()) fail("a result of one file has several");
  if (!names_.insert(file.name).second) fail(quoted(std::string_view(file.name)) + " occurs twice");
  n_left_ = file.n_bytes;
  plan_.files.push_back(std::move(file));
}

BaseRange PlanReader::range(const json& line, const PlanPart& part) const {
  const json& value = line["base"];
  if (!value.is_array() || value.size() != (part.has_free_base() ? 3u : 2u))
    fail("'base' has not as many numbers as it should");
  if (plan_.base.empty()) fail("'base' names a file, and there is none");
  BaseRange result;
  result.file = static_cast<uint32_t>(number(value[0], "the file of 'base'", plan_.base.size() - 1));
  const uint64_t n_bytes = plan_.base[result.file].n_bytes;
  result.begin = number(value[1], "the place of 'base'", n_bytes);
  const uint64_t limit = part.code == PartCode::packed ? 4 * kPackedTextBytes : kPlanMaxFileBytes;
  result.n_bytes = part.has_free_base() ? number(value[2], "the length of 'base'", limit) : part.n_bytes;
  if (result.n_bytes > n_bytes - result.begin) fail("'base' reaches past the end of its file");
  return result;
}

void PlanReader::read_lossy(const json& line, PlanPart& part) const {
  const DType dtype = coded_dtype(part.dtype);
  const bool are_elements = part.n_bytes % static_cast<uint64_t>(info(dtype).block_bytes) == 0;
  if (!part.base || !has_lossy_deltas(dtype) || !are_elements) fail("a lossy part has no base or another dtype");
  if (part.code == PartCode::scaled) {
    part.bits = static_cast<uint32_t>(number(field(line, "bits"), "'bits'", 8));
    part.group = static_cast<uint32_t>(number(field(line, "group"), "'group'", 1024));
    if (!ScaledForm{part.bits, part.group}.is_valid()) fail("'bits' and 'group' are none that there are");
    return;
  }
  part.rank = static_cast<uint32_t>(number(field(line, "rank"), "'rank'", kMaxRankOfCode));
  if (part.rank == 0 || part.row_bytes() == 0 || part.n_bytes % part.row_bytes() != 0)
    fail("a part of low rank has no rank or no rows");
}

void PlanReader::read_part(const json& line) {
  if (plan_.files.empty()) fail("a part comes before the first file");
  PlanPart part;
  if (line.contains("tensor")) part.tensor = text(line, "tensor");
  if (line.contains("from")) part.from = text(line, "from");
  if (line.contains("dtype")) part.dtype = text(line, "dtype");
  if (line.contains("shape")) {
    if (!line["shape"].is_array() || line["shape"].size() > kMaxRankOfPart) fail("'shape' is no list of 8 or less");
    for (const json& dim : line["shape"]) part.shape.push_back(number(dim, "a dimension", UINT64_MAX));
  }
  part.n_bytes = number(field(line, "bytes"), "'bytes'", n_left_);
  if (line.contains("code")) {
    const auto* const found = std::ranges::find(kCodeNames, text(line, "code"));
    if (found == kCodeNames.end())
      throw Error(ErrorCode::unsupported, file_ + ": a part is coded as " +
                                              quoted(std::string_view(text(line, "code"))) +
                                              ", which this build does not know; update tidemill");
    part.code = static_cast<PartCode>(found - kCodeNames.begin());
  }
  if (line.contains("base")) part.base = range(line, part);
  if (part.code == PartCode::copy && !part.base) fail("a copy has no base");
  if (part.code == PartCode::scaled || part.code == PartCode::low_rank) read_lossy(line, part);
  if (part.code == PartCode::moved && !part.base) fail("a moved part has no base");
  if (part.has_free_base() && part.n_bytes > kPackedTextBytes) fail("a packed or moved part is too long");
  if (part.code == PartCode::zeros && part.n_bytes > kMaxZeros) fail("more zeros than a file is padded with");
  n_left_ -= part.n_bytes;
  plan_.files.back().parts.push_back(std::move(part));
}

DeltaPlan PlanReader::finish() {
  if (n_lines_ == 0) fail("nothing");
  end_file();
  if (!plan_.is_folder && plan_.files.size() != 1) fail("a result of one file has none");
  for (const PlanFile& file : plan_.files) {
    for (size_t slash = file.name.find('/'); slash != std::string::npos; slash = file.name.find('/', slash + 1)) {
      if (names_.contains(std::string_view(file.name).substr(0, slash)))
        fail(quoted(std::string_view(file.name)) + " lies in a folder that is a file");
    }
  }
  place_parts(plan_);
  return std::move(plan_);
}

}  // namespace

std::string write_plan(const DeltaPlan& plan) {
  ordered_json base_files = ordered_json::array();
  for (const PlanBaseFile& file : plan.base)
    base_files.push_back({{"name", file.name}, {"bytes", file.n_bytes}, {"hash", file.hash.hex()}});
  std::string text;
  append_file(
      text,
      {{"result", kind_name(plan.is_folder)}, {"base", kind_name(plan.base_is_folder)}, {"base_files", base_files}});
  for (const PlanFile& file : plan.files) {
    append_file(text, {{"file", file.name}, {"bytes", file.n_bytes}, {"hash", file.hash.hex()}});
    for (const PlanPart& part : file.parts) append_part(text, part_line(part));
  }
  return text;
}

DeltaPlan read_plan(std::string_view text, const std::string& file) {
  PlanReader reader(file);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    reader.read_line(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return reader.finish();
}

}  // namespace tidemill
