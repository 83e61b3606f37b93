#include "cli/engine_options.h"

#include <string_view>
#include <utility>

#include "tidemill/error.h"

namespace tidemill::cli {

namespace {

struct PrecisionName {
  std::string_view name;
  Precision precision;
};
constexpr PrecisionName kPrecisions[] = {
    {"fast", Precision::fast}, {"f32", Precision::f32}, {"bf16", Precision::bf16}, {"int8", Precision::int8}};

Precision precision_named(const std::string& name) {
  for (const PrecisionName& known : kPrecisions)
    if (known.name == name) return known.precision;
  throw Error(ErrorCode::invalid_argument, "--precision: '" + name + "' is none of fast, f32, bf16 and int8");
}

}  // namespace

EngineOptions engine_options(const Arguments& arguments, EngineOptions options) {
  options.threads = static_cast<int>(arguments.integer("--threads"));
  options.context_length = arguments.integer("--ctx");
  options.precision = precision_named(arguments.text("--precision"));
  options.state = arguments.text("--state");
  return options;
}

Engine load_engine(const Arguments& arguments, EngineOptions options) {
  return load_by(Engine::load, arguments, std::move(options));
}

}  // namespace tidemill::cli
