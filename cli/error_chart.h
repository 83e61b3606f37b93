// A chart of what quantising has lost, matrix by matrix.
#pragma once

#include <string>

#include "tidemill/quantize.h"

namespace tidemill::cli {

// An SVG document: a row for each kind of matrix with a bar for each layer, its relative error on a logarithmic scale,
// coloured by its format.
std::string error_chart(const QuantizeReport& report, const std::string& title);

// Writes `text` as the file `path`.  Throws io.
void write_text(const std::string& path, const std::string& text);

}  // namespace tidemill::cli
