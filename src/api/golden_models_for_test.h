// The tiny models of tests/golden/models, and of the folder of reference data that TIDEMILL_EXTRA_DATA names those that
// are not there, for tests that run each of them on every instruction set.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "backends/cpu/isa.h"
#include "tidemill/system.h"

namespace tidemill {

struct GoldenModel {
  std::string folder;
  std::string isa;

  friend void PrintTo(const GoldenModel& model, std::ostream* out) { *out << model.folder << " on " << model.isa; }
};

// "" without the reference data.
inline std::string extra_models() {
  const char* const data = std::getenv("TIDEMILL_EXTRA_DATA");
  return data == nullptr || *data == '\0' ? "" : std::string(data) + "/models";
}

// By the text of truth.json: Python writes NaN there, which no JSON parser takes.
inline bool is_of_kind(const std::filesystem::path& folder, std::string_view kind) {
  std::ifstream file(folder / "truth.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return text.find("\"kind\": \"" + std::string(kind) + '"') != std::string::npos;
}

// Every model of `kind`, "causal" or "encoder", once for each instruction set of the machine.
inline std::vector<GoldenModel> golden_models(std::string_view kind) {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  const auto add_from = [&](const std::string& place) {
    if (place.empty() || !fs::is_directory(place)) return;
    for (const auto& entry : fs::directory_iterator(place)) {
      const auto is_there = [&](const fs::path& folder) { return folder.filename() == entry.path().filename(); };
      if (is_of_kind(entry.path(), kind) && std::ranges::none_of(folders, is_there)) folders.push_back(entry.path());
    }
  };
  add_from(std::string(TIDEMILL_SOURCE_DIR) + "/tests/golden/models");
  add_from(extra_models());
  std::ranges::sort(folders);
  std::vector<GoldenModel> models;
  for (const fs::path& folder : folders) {
    for (const std::string& isa : available_isas()) models.push_back({folder.string(), isa});
  }
  return models;
}

inline std::string name_of_golden_model(const testing::TestParamInfo<GoldenModel>& info) {
  std::string name = std::filesystem::path(info.param.folder).filename().string() + "_on_" + info.param.isa;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

// Its kernels are those of the parameter's instruction set.
class GoldenModelTest : public testing::TestWithParam<GoldenModel> {
 protected:
  GoldenModelTest() : before_(active_isa()) { force_isa(GetParam().isa); }
  ~GoldenModelTest() override { force_isa(before_); }

 private:
  std::string before_;
};

}  // namespace tidemill
