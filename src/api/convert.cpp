// Which way a conversion goes; the work is in files named for their outcome.
#include "tidemill/convert.h"

#include <string_view>
#include <utility>

#include "api/convert_folder.h"
#include "api/convert_gguf.h"
#include "api/convert_onnx.h"
#include "api/convert_plain.h"
#include "api/convert_tmill.h"
#include "api/model_file.h"
#include "tidemill/error.h"
#include "tidemill/model_store.h"
#include "tidemill/stopwatch.h"

namespace tidemill {
namespace {

using Write = ConvertReport (*)(const ModelFile& file, const std::string& out, const ConvertOptions& options);

// Of the model as the file has it.
template <auto kWriter>
ConvertReport write_as_is(const ModelFile& file, const std::string& out, const ConvertOptions& options) {
  return kWriter(file, out, options, nullptr);
}

constexpr std::pair<std::string_view, Write> kByEnding[] = {{kTmillEnding, write_as_is<write_tmill>},
                                                            {".gguf", write_as_is<write_gguf>},
                                                            {".onnx", write_onnx},
                                                            {".safetensors", write_plain}};

Write writer_of(const std::string& out) {
  if (is_folder_name(out)) return write_folder;
  for (const auto& [ending, write] : kByEnding) {
    if (out.ends_with(ending)) return write;
  }
  throw Error(ErrorCode::invalid_argument, out + ": its ending names no format that can be written; give NAME.tmill, " +
                                               "NAME.gguf, NAME.onnx, NAME.safetensors or a folder, NAME/");
}

}  // namespace

ConvertReport convert_model(const std::string& model, const std::string& out, const ConvertOptions& options) {
  const Stopwatch stopwatch;
  const Write write = writer_of(out);
  const auto file = open_model_file(resolve_model(model));
  if (file->source().onnx)
    throw Error(ErrorCode::unsupported, model +
                                            ": is a graph, which other formats do not hold; give the folder or the "
                                            "GGUF that it was made from");
  ConvertReport report = write(*file, out, options);
  report.seconds = stopwatch.milliseconds() / 1000;
  return report;
}

}  // namespace tidemill
