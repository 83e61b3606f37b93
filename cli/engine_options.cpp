#include "cli/engine_options.h"

#include "cli/progress.h"
#include "tidemill/error.h"

namespace tidemill::cli {

Engine load_engine(const Arguments& arguments) {
  const std::string model = arguments.model();
  const std::string precision = arguments.text("--precision");
  if (precision != "fast" && precision != "f32")
    throw Error(ErrorCode::invalid_argument, "--precision: '" + precision + "' is neither 'fast' nor 'f32'");
  Progress progress("loading " + model);
  return Engine::load(model, {.threads = static_cast<int>(arguments.integer("--threads")),
                              .context_length = arguments.integer("--ctx"),
                              .exact_f32 = precision == "f32",
                              .state = arguments.text("--state"),
                              .backend = arguments.text("--backend"),
                              .check_weights = arguments.flag("--check"),
                              .on_progress = [&](double share) { progress.update(share); }});
}

}  // namespace tidemill::cli
