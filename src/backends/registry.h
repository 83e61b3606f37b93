// The devices this build can compute on.
#pragma once

#include <memory>
#include <string_view>

#include "ops/backend.h"
#include "sys/thread_pool.h"

namespace tidemill {

// Makes the backend of that name ("cpu"; "reference" is the scalar oracle).  Throws not_found, listing what there is.
// `pool` outlives the backend.  `is_encoder`: it is for a model that reads whole texts, where int8 is another format.
std::unique_ptr<Backend> make_backend(std::string_view name, ThreadPool& pool, Precision precision,
                                      bool is_encoder = false);

}  // namespace tidemill
