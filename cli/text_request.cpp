#include "cli/text_request.h"

#include "cli/interrupt.h"
#include "cli/sampling_options.h"
#include "cli/speculate_option.h"

namespace tidemill::cli {

Request text_request(const Arguments& arguments) {
  return {.max_tokens = arguments.integer("-n"),
          .sampling = sampling_options(arguments),
          .stop = arguments.texts("--stop"),
          .speculate = speculate(arguments),
          .cancelled = interrupted};
}

}  // namespace tidemill::cli
