// One row of bars for each kind of matrix, one bar for each layer: what layers have in common shows along a row, what
// is dear in all of them between rows.  All rows have the same scale, in decades.
#include "cli/error_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr int kLeft = 150, kRight = 24, kTop = 92, kRowHeight = 64, kRowGap = 12, kBottom = 46;
constexpr int kPlotWidth = 720, kLeastWidth = 480, kWidestBar = 26, kLegendStep = 84;
constexpr double kLeastDecade = -9;
constexpr std::string_view kLayerPrefix = "blk.", kEnding = ".weight";

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : printable(text)) {
    if (c == '<' || c == '>' || c == '&' || c == '"') {
      result += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      result += c;
    }
  }
  return result;
}

double decade_of(double error) {
  return error > 0 ? std::max(kLeastDecade, std::log10(error)) : kLeastDecade;
}

// Bits of a code, as its format's name says: "iq4_xs", "w3_g128".
int bits_of(const std::string& format) {
  const size_t digit = format.find_first_of("2345678");
  return digit == format.npos ? 8 : format[digit] - '0';
}

// From few bits, warm, to many, cool; formats of as many bits are shades of one colour.
std::string colour_of(int bits, int shade) {
  struct Colour {
    int bits;
    const char* shades[3];
  };
  static constexpr Colour kColours[] = {{2, {"#c8434e", "#e08088", "#f0b8bc"}}, {3, {"#e59a2e", "#f0bd74", "#f8dcb2"}},
                                        {4, {"#1f8a7d", "#62b5aa", "#a9d8d1"}}, {5, {"#2f66b0", "#7599cf", "#b3c6e6"}},
                                        {6, {"#66479a", "#9a83c0", "#c9bddf"}}, {8, {"#6d7787", "#9da5b1", "#c9cdd4"}}};
  const auto* const found = std::ranges::find(kColours, bits, &Colour::bits);
  return (found == std::end(kColours) ? std::end(kColours) - 1 : found)->shades[std::min(shade, 2)];
}

std::string text_at(double x, double y, const std::string& text, std::string_view attributes) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" " + std::string(attributes) + ">" + escaped(text) +
         "</text>\n";
}

std::string rect(double x, double y, double width, double height, const std::string& colour) {
  return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(width) + "\" height=\"" +
         number(height) + "\" fill=\"" + colour + "\"";
}

std::string headline(const QuantizeReport& report) {
  char text[160];
  int n = std::snprintf(text, sizeof text, "%.3f bits per weight", report.bits_per_weight());
  if (report.loss && n > 0) {
    std::snprintf(text + n, sizeof text - static_cast<size_t>(n),
                  report.loss->is_cosine ? ", mean 1 - cosine %.3g" : ", mean KL divergence %.3g nats",
                  report.loss->divergence);
  }
  return text;
}

class Chart {
 public:
  explicit Chart(const QuantizeReport& report) {
    double least = 0, greatest = kLeastDecade;
    std::map<int, std::set<std::string>> formats;  // by their bits
    for (const QuantizedTensor& tensor : report.tensors) {
      least = std::min(least, decade_of(tensor.relative_error));
      greatest = std::max(greatest, decade_of(tensor.relative_error));
      formats[bits_of(tensor.format)].insert(tensor.format);
      add(tensor);
    }
    for (const auto& [bits, names] : formats) {
      int shade = 0;
      for (const std::string& name : names) colours_.emplace_back(name, colour_of(bits, shade++));
    }
    bottom_ = std::floor(least);
    top_ = std::max(bottom_ + 1, std::ceil(greatest));
  }

  // Titles and legends want some, too.
  int total_width() const {
    const int legend = kLegendStep * static_cast<int>(colours_.size());
    return kLeft + std::max({kLeastWidth, legend, static_cast<int>(width())}) + kRight;
  }
  int height() const { return kTop + static_cast<int>(rows_.size()) * (kRowHeight + kRowGap) + kBottom; }

  std::string legend() const {
    std::string result;
    for (size_t i = 0; i < colours_.size(); ++i) {
      const double x = kLeft + kLegendStep * static_cast<double>(i);
      result += rect(x, kTop - 30, 11, 11, colours_[i].second) + " rx=\"2\"/>\n" +
                text_at(x + 16, kTop - 20, colours_[i].first, "fill=\"#333\"");
    }
    return result;
  }

  std::string rows() const {
    std::string result;
    double y = kTop;
    for (const Row& row : rows_) {
      result += text_at(kLeft - 44, y + kRowHeight - 2, row.kind, "text-anchor=\"end\" fill=\"#333\"") + scale(y);
      for (const auto& [layer, tensor] : row.bars) result += bar(y, layer, *tensor);
      y += kRowHeight + kRowGap;
    }
    return result + layers(y);
  }

 private:
  struct Row {
    std::string kind;
    std::vector<std::pair<int, const QuantizedTensor*>> bars;  // by layer
  };

  // "blk.3.attn_q.weight" is of layer 3; what is of none has a row of its own.
  void add(const QuantizedTensor& tensor) {
    std::string kind = tensor.name;
    if (kind.ends_with(kEnding)) kind.resize(kind.size() - kEnding.size());
    int layer = 0;
    if (kind.starts_with(kLayerPrefix)) {
      const size_t dot = kind.find('.', kLayerPrefix.size());
      layer = std::atoi(kind.c_str() + kLayerPrefix.size());
      kind = kind.substr(dot == kind.npos ? 0 : dot + 1);
    }
    n_layers_ = std::max(n_layers_, layer + 1);
    auto row = std::ranges::find(rows_, kind, &Row::kind);
    if (row == rows_.end()) row = rows_.insert(row, {.kind = kind, .bars = {}});
    row->bars.emplace_back(layer, &tensor);
  }

  double step() const { return std::min<double>(kWidestBar, static_cast<double>(kPlotWidth) / n_layers_); }
  double width() const { return step() * n_layers_; }
  double share(double decade) const { return (decade - bottom_) / (top_ - bottom_); }

  std::string scale(double y) const {
    std::string result;
    for (double decade = bottom_; decade <= top_; ++decade) {
      const double at = y + kRowHeight * (1 - share(decade));
      const bool is_end = decade == bottom_ || decade == top_;
      result += rect(kLeft, at, width(), is_end ? 1 : 0.5, is_end ? "#c4c8ce" : "#e6e8eb") + "/>\n";
      if (is_end)
        result += text_at(kLeft - 6, at + (decade == top_ ? 7 : 1), "1e" + std::to_string(static_cast<int>(decade)),
                          "text-anchor=\"end\" font-size=\"9\" fill=\"#888\"");
    }
    return result;
  }

  std::string bar(double y, int layer, const QuantizedTensor& tensor) const {
    const double height = std::max(1.0, kRowHeight * share(decade_of(tensor.relative_error)));
    const double gap = std::min(2.0, step() / 5);
    const auto colour = std::ranges::find(colours_, tensor.format, &std::pair<std::string, std::string>::first)->second;
    char error[32];
    std::snprintf(error, sizeof error, "%.3e", tensor.relative_error);
    return rect(kLeft + step() * layer + gap / 2, y + kRowHeight - height, step() - gap, height, colour) + "><title>" +
           escaped(tensor.name) + " " + escaped(tensor.format) + " " + error + "</title></rect>\n";
  }

  std::string layers(double y) const {
    std::string result;
    const int every = std::max(1, static_cast<int>(std::ceil(22 / step())));
    for (int layer = 0; layer < n_layers_; layer += every)
      result += text_at(kLeft + step() * (layer + 0.5), y + 6, std::to_string(layer),
                        "text-anchor=\"middle\" font-size=\"9\" fill=\"#888\"");
    return result + text_at(kLeft, y + 24, "layer", "font-size=\"9\" fill=\"#888\"");
  }

  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::string>> colours_;  // of formats
  int n_layers_ = 1;
  double bottom_ = kLeastDecade, top_ = 0;  // decades
};

}  // namespace

std::string error_chart(const QuantizeReport& report, const std::string& title) {
  const Chart chart(report);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(chart.total_width()) + "\" height=\"" +
         std::to_string(chart.height()) + "\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n" +
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         text_at(kLeft, 26, title, "font-size=\"15\" font-weight=\"bold\" fill=\"#222\"") +
         text_at(kLeft, 46, "relative squared error of each matrix; " + headline(report), "fill=\"#666\"") +
         chart.legend() + chart.rows() + "</svg>\n";
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::io, path + ": cannot be written; is the folder there, with free space?");
}

}  // namespace tidemill::cli
