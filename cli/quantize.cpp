// tidemill quantize: a smaller model.

#include "tidemill/quantize.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/commands.h"
#include "cli/engine_options.h"
#include "cli/error_chart.h"
#include "cli/input.h"
#include "cli/print_document.h"
#include "cli/work.h"
#include "tidemill/error.h"

namespace tidemill::cli {
namespace {

constexpr Option kOptions[] = {
    {.flag = "--method",
     .kind = OptionKind::text,
     .value_name = "M",
     .help = "rtn: each weight to the nearest number; awq: large inputs have theirs kept finer; gptq: the next ones "
             "make up for its error; best: as gptq, each "
             "matrix in the format that the model suffers least from. Default: best with --calibration, else rtn"},
    {.flag = "--bits",
     .kind = OptionKind::number,
     .value_name = "B",
     .help =
         "bits of a weight: 2, 3, 4, 5, 6 or 8, scales come on top, by default 4; with best those of the whole model, "
         "any number, by default 4.5",
     .min = 2,
     .max = 16},
    {.flag = "--layout",
     .kind = OptionKind::text,
     .value_name = "L",
     .help = "of a folder OUT/: awq, gptq, gptq_v2 or compressed-tensors, the default"},
    {.flag = "--group-size",
     .kind = OptionKind::integer,
     .value_name = "G",
     .help =
         "weights that share a scale: 32, of a .tmill also 128, of a folder any, -1 for whole rows; 0: super-blocks of "
         "256, where rows have whole ones, of a folder 128",
     .fallback = "0",
     .min = -1,
     .max = 1 << 20},
    {.flag = "--symmetric", .help = "with a group size: a scale alone, without a minimum or zero"},
    {.flag = "--act-order",
     .help = "of a folder, with gptq or best: groups of inputs in the order of their size (g_idx)"},
    {.flag = "--type",
     .kind = OptionKind::text,
     .value_name = "T",
     .help = "exactly this block format: q2_k to q6_k, q4_0, q4_1, q5_0, q5_1, q8_0, iq4_nl, iq4_xs, and of a .tmill "
             "q4_g32, q4_g128, q8_g32, q2_g128, q3_g128"},
    {.flag = "--calibration",
     .kind = OptionKind::text,
     .value_name = "TEXT",
     .help = "a file with text like what the model will read; all but rtn need it"},
    {.flag = "--eval",
     .kind = OptionKind::text,
     .value_name = "TEXT",
     .help = "a text file to compare the two models on: divergence and perplexity"},
    {.flag = "--resume",
     .kind = OptionKind::text,
     .value_name = "FOLDER",
     .help = "keeps what is finished there, so that the same command goes on from it after it was ended; removed at "
             "the end"},
    {.flag = "--svg", .kind = OptionKind::text, .value_name = "FILE", .help = "a chart of the error of each matrix"},
    {.flag = "--keep-range", .help = "scales hold every weight; without it they are searched for the least error"},
    kThreadsOption,
    kJsonOption,
};

void print_json(const std::string& out, const QuantizeReport& report) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array();
  for (const QuantizedTensor& tensor : report.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"format", tensor.format},
                       {"weights", tensor.n_weights},
                       {"relative_error", tensor.relative_error}});
  }
  nlohmann::ordered_json answer{{"path", out},
                                {"format", report.format},
                                {"bits_per_weight", report.bits_per_weight()},
                                {"bytes", report.n_bytes},
                                {"seconds", report.seconds},
                                {"tensors", std::move(tensors)}};
  if (report.loss) {
    const char* const what = report.loss->is_cosine ? "one_less_cosine" : "kl_divergence";
    answer["eval"] = {{what, report.loss->divergence}, {"answers", report.loss->n_answers}};
    if (!report.loss->is_cosine) {
      answer["eval"]["perplexity_before"] = report.loss->perplexity_before;
      answer["eval"]["perplexity_after"] = report.loss->perplexity_after;
    }
  }
  print_document(answer);
}

void print_summary(const std::string& out, const QuantizeReport& report) {
  for (const QuantizedTensor& tensor : report.tensors) {
    std::printf("%-40s %-7s relative error %.3e\n", printable(tensor.name).c_str(), tensor.format.c_str(),
                tensor.relative_error);
  }
  std::printf("%s: %s, %.3f bits per weight, %.1f MB in %.2f s\n", printable(out).c_str(), report.format.c_str(),
              report.bits_per_weight(), static_cast<double>(report.n_bytes) / 1e6, report.seconds);
  if (!report.loss) return;
  if (report.loss->is_cosine) {
    std::printf("mean 1 - cosine %.6f over %lld texts\n", report.loss->divergence,
                static_cast<long long>(report.loss->n_answers));
  } else {
    std::printf("mean KL divergence %.6f nats over %lld tokens; perplexity %.4f before, %.4f after\n",
                report.loss->divergence, static_cast<long long>(report.loss->n_answers), report.loss->perplexity_before,
                report.loss->perplexity_after);
  }
}

QuantizeMethod method_option(const Arguments& arguments) {
  const bool has_text = arguments.has("--calibration");
  if (!arguments.has("--method")) return has_text ? QuantizeMethod::best : QuantizeMethod::rtn;
  const std::string name = arguments.text("--method");
  const auto method = quantize_method_from_name(name);
  if (!method)
    throw Error(ErrorCode::invalid_argument,
                "--method: '" + name + "' is not known; give " + std::string(kQuantizeMethodNames));
  if (*method != QuantizeMethod::rtn && !has_text)
    throw Error(ErrorCode::invalid_argument, "--calibration: " + name + " needs a text; name a text file");
  return *method;
}

double bits_option(const Arguments& arguments, QuantizeMethod method) {
  if (arguments.has("--bits")) return arguments.number("--bits");
  return method == QuantizeMethod::best && !arguments.positionals()[1].ends_with('/') ? 4.5 : 4;
}

std::string text_option(const Arguments& arguments, std::string_view flag) {
  return arguments.has(flag) ? read_all(arguments.text(flag)) : std::string();
}

std::optional<DType> type_option(const Arguments& arguments) {
  if (!arguments.has("--type")) return {};
  const std::string name = arguments.text("--type");
  if (const auto dtype = dtype_from_name(name)) return dtype;
  throw Error(ErrorCode::invalid_argument, "--type: '" + name + "' is no format; give one as q4_k or iq4_xs");
}

std::optional<GroupLayout> layout_option(const Arguments& arguments) {
  if (!arguments.has("--layout")) return {};
  const std::string name = arguments.text("--layout");
  if (const auto layout = group_layout_from_name(name)) return layout;
  throw Error(ErrorCode::invalid_argument,
              "--layout: '" + name + "' is not known; give " + std::string(kGroupLayoutNames));
}

QuantizeOptions options_of(const Arguments& arguments) {
  const QuantizeMethod method = method_option(arguments);
  return {.method = method,
          .bits = bits_option(arguments, method),
          .group_size = arguments.integer("--group-size"),
          .is_symmetric = arguments.flag("--symmetric"),
          .is_ordered = arguments.flag("--act-order"),
          .layout = layout_option(arguments),
          .type = type_option(arguments),
          .keeps_range = arguments.flag("--keep-range"),
          .calibration = text_option(arguments, "--calibration"),
          .eval = text_option(arguments, "--eval"),
          .work_folder = arguments.has("--resume") ? arguments.text("--resume") : std::string(),
          .threads = static_cast<int>(arguments.integer("--threads"))};
}

int run(const Arguments& arguments) {
  if (arguments.positionals().size() != 2) {
    throw Error(ErrorCode::invalid_argument,
                "quantize: takes a model and the file or folder to write, as in: tidemill quantize model/ model.gguf");
  }
  const std::string model = arguments.positionals()[0], out = arguments.positionals()[1];
  QuantizeOptions options = options_of(arguments);
  const QuantizeReport report = with_progress("quantising " + model, [&](auto on_progress) {
    options.on_progress = on_progress;
    return quantize_model(model, out, options);
  });
  if (arguments.has("--svg")) write_text(arguments.text("--svg"), error_chart(report, out));
  if (arguments.flag("--json")) {
    print_json(out, report);
  } else {
    print_summary(out, report);
  }
  return 0;
}

}  // namespace

const Command kQuantize = {.name = "quantize",
                           .summary = "Write a model with smaller weights",
                           .usage = "MODEL OUT [options]",
                           .examples =
                               "  tidemill quantize folder-with-safetensors model.gguf\n"
                               "  tidemill quantize model.gguf small.gguf --calibration book.txt --bits 4.2\n"
                               "  tidemill quantize model.gguf model.tmill --bits 3 --eval other.txt\n"
                               "  tidemill quantize model.gguf small.gguf --type iq4_xs --json\n"
                               "  tidemill quantize model/ small/ --layout awq --calibration book.txt\n",
                           .options = kOptions,
                           .max_positionals = 2,
                           .run = run};

}  // namespace tidemill::cli
