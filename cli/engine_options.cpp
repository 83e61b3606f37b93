#include "cli/engine_options.h"

#include "cli/progress.h"
#include "tidemill/error.h"

namespace tidemill::cli {

Engine load_engine(const Arguments& arguments, EngineOptions options) {
  const std::string model = arguments.model();
  const std::string precision = arguments.text("--precision");
  if (precision != "fast" && precision != "f32")
    throw Error(ErrorCode::invalid_argument, "--precision: '" + precision + "' is neither 'fast' nor 'f32'");
  options.threads = static_cast<int>(arguments.integer("--threads"));
  options.context_length = arguments.integer("--ctx");
  options.exact_f32 = precision == "f32";
  options.state = arguments.text("--state");
  options.backend = arguments.text("--backend");
  options.check_weights = arguments.flag("--check");
  Progress progress("loading " + model);
  options.on_progress = [&](double share) { progress.update(share); };
  return Engine::load(model, options);
}

}  // namespace tidemill::cli
