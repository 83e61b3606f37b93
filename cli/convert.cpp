// tidemill convert: a model from one file format to another.

#include "tidemill/convert.h"

#include <cstdio>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/print_document.h"
#include "cli/work.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--dtype",
     .kind = OptionKind::text,
     .value_name = "T",
     .help = "not to .tmill: matrices become f16, bf16 or f32; quantised ones need it but in a GGUF"},
    kThreadsOption,
    kJsonOption,
};

void print_json(const std::string& out, const ConvertReport& report) {
  print_document({{"path", out},
                  {"format", report.format},
                  {"tensors", report.n_tensors},
                  {"bytes", report.n_bytes},
                  {"seconds", report.seconds}});
}

void print_summary(const std::string& out, const ConvertReport& report) {
  const double megabytes = static_cast<double>(report.n_bytes) / 1e6;
  std::printf("%s: %s, %lld tensors, %.1f MB in %.2f s\n", printable(out).c_str(), report.format.c_str(),
              static_cast<long long>(report.n_tensors), megabytes, report.seconds);
}

std::optional<DType> dtype_option(const Arguments& arguments) {
  if (!arguments.has("--dtype")) return {};
  const std::string name = arguments.text("--dtype");
  const auto dtype = dtype_from_name(name);
  if (dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32) return dtype;
  throw Error(ErrorCode::invalid_argument, "--dtype: '" + name + "' is none of f16, bf16 and f32");
}

int run(const Arguments& arguments) {
  if (arguments.positionals().size() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "convert: takes a model and the file to write, as in: tidemill convert model.gguf model.tmill");
  }
  const std::string model = arguments.positionals()[0], out = arguments.positionals()[1];
  const auto dtype = dtype_option(arguments);
  const ConvertReport report = with_progress("converting " + model, [&](auto on_progress) {
    return convert_model(
        model, out,
        {.dtype = dtype, .threads = static_cast<int>(arguments.integer("--threads")), .on_progress = on_progress});
  });
  if (arguments.flag("--json")) {
    print_json(out, report);
  } else {
    print_summary(out, report);
  }
  return 0;
}

}  // namespace

const Command kConvert = {.name = "convert",
                          .summary = "Write a model in another file format",
                          .usage = "MODEL OUT [options]",
                          .examples =
                              "  tidemill convert model.gguf model.tmill\n"
                              "  tidemill convert folder-with-safetensors model.tmill\n"
                              "  tidemill convert folder-with-safetensors model.gguf --dtype bf16\n"
                              "  tidemill convert model.gguf folder/ --dtype bf16     # for transformers\n"
                              "  tidemill convert model.gguf weights.safetensors --dtype f16\n",
                          .options = kOptions,
                          .max_positionals = 2,
                          .run = run};

}  // namespace tidemill::cli
