#include "cli/error_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <vector>

#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr int kBarWidth = 7, kLeft = 70, kTop = 50, kHeight = 260, kBottom = 40;
constexpr double kLeastDecade = -9;

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

// Hues far apart for formats in the order in which they appear.
std::string colour_of(size_t format) {
  return "hsl(" + std::to_string(format * 137 % 360) + ",55%,48%)";
}

std::string text_at(double x, double y, const std::string& text, const char* anchor) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" + escaped(text) +
         "</text>\n";
}

class Chart {
 public:
  explicit Chart(const QuantizeReport& report) : report_(report) {
    double least = 0, greatest = kLeastDecade;
    for (const QuantizedTensor& tensor : report.tensors) {
      least = std::min(least, decade_of(tensor.relative_error));
      greatest = std::max(greatest, decade_of(tensor.relative_error));
    }
    bottom_ = std::floor(least);
    top_ = std::max(bottom_ + 1, std::ceil(greatest));
  }

  int width() const { return kLeft + kBarWidth * static_cast<int>(report_.tensors.size()) + 20; }

  std::string scale() const {
    std::string result;
    for (double decade = bottom_; decade <= top_; ++decade) {
      const double y = height_of(decade);
      result += "<line x1=\"" + std::to_string(kLeft) + "\" x2=\"" + std::to_string(width() - 10) + "\" y1=\"" +
                number(y) + "\" y2=\"" + number(y) + "\" stroke=\"#ccc\"/>\n";
      result += text_at(kLeft - 6, y + 4, "1e" + std::to_string(static_cast<int>(decade)), "end");
    }
    return result;
  }

  std::string bars() {
    std::string result;
    for (size_t i = 0; i < report_.tensors.size(); ++i) {
      const QuantizedTensor& tensor = report_.tensors[i];
      const double y = height_of(decade_of(tensor.relative_error));
      char error[32];
      std::snprintf(error, sizeof error, "%.3e", tensor.relative_error);
      const std::string& format = tensor.format;
      result += "<rect x=\"" + std::to_string(kLeft + kBarWidth * static_cast<int>(i)) + "\" y=\"" + number(y) +
                "\" width=\"" + std::to_string(kBarWidth - 1) + "\" height=\"" + number(kTop + kHeight - y) +
                "\" fill=\"" + colour_of(index_of(format)) + "\"><title>" + escaped(tensor.name) + " " + format + " " +
                error + "</title></rect>\n";
    }
    return result;
  }

  // After `bars`.
  std::string legend() const {
    std::string result;
    for (size_t i = 0; i < formats_.size(); ++i) {
      const int x = kLeft + 70 * static_cast<int>(i), y = kTop + kHeight + 15;
      result += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) +
                "\" width=\"10\" height=\"10\" fill=\"" + colour_of(i) + "\"/>\n" +
                text_at(x + 14, y + 9, formats_[i], "start");
    }
    return result;
  }

 private:
  double height_of(double decade) const { return kTop + kHeight * (top_ - decade) / (top_ - bottom_); }
  size_t index_of(const std::string& format) {
    const auto found = std::ranges::find(formats_, format);
    if (found != formats_.end()) return static_cast<size_t>(found - formats_.begin());
    formats_.push_back(format);
    return formats_.size() - 1;
  }

  const QuantizeReport& report_;
  double bottom_ = kLeastDecade, top_ = 0;  // decades
  std::vector<std::string> formats_;
};

}  // namespace

std::string error_chart(const QuantizeReport& report, const std::string& title) {
  Chart chart(report);
  const std::string bars = chart.bars();
  const int width = std::max(chart.width(), 600), height = kTop + kHeight + kBottom;
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(width) + "\" height=\"" +
         std::to_string(height) + "\" font-family=\"sans-serif\" font-size=\"11\">\n" +
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" + text_at(kLeft, 20, title, "start") +
         text_at(kLeft, 36, "relative squared error of each matrix, in the order of the model", "start") +
         chart.scale() + bars + chart.legend() + "</svg>\n";
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::io, path + ": cannot be written; is the folder there, with free space?");
}

}  // namespace tidemill::cli
