#include "cli/engine_options.h"

#include <utility>

#include "tidemill/error.h"

namespace tidemill::cli {

EngineOptions engine_options(const Arguments& arguments, EngineOptions options) {
  const std::string precision = arguments.text("--precision");
  if (precision != "fast" && precision != "f32" && precision != "int8")
    throw Error(ErrorCode::invalid_argument, "--precision: '" + precision + "' is none of fast, f32 and int8");
  options.threads = static_cast<int>(arguments.integer("--threads"));
  options.context_length = arguments.integer("--ctx");
  options.exact_f32 = precision == "f32";
  options.int8_weights = precision == "int8";
  options.state = arguments.text("--state");
  return options;
}

Engine load_engine(const Arguments& arguments, EngineOptions options) {
  return load_by(Engine::load, arguments, std::move(options));
}

}  // namespace tidemill::cli
