// Which way a conversion goes; the work is in files named for their outcome.
#include "tidemill/convert.h"

#include <string_view>

#include "api/convert_plain.h"
#include "api/convert_tmill.h"
#include "api/model_file.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/stopwatch.h"

namespace tidemill {

ConvertReport convert_model(const std::string& model, const std::string& out, const ConvertOptions& options) {
  const Stopwatch stopwatch;
  const bool is_plain = out.ends_with(".safetensors");
  if (!is_plain && !out.ends_with(kTmillEnding)) {
    throw Error(ErrorCode::invalid_argument,
                out + ": its ending names no format that can be written; give NAME.tmill or NAME.safetensors");
  }
  const auto file = open_model_file(resolve_model(model));
  ConvertReport report = is_plain ? write_plain(*file, out, options) : write_tmill(*file, out, options);
  report.seconds = stopwatch.milliseconds() / 1000;
  return report;
}

}  // namespace tidemill
