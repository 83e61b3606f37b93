#include "python/src/module.h"

#include "tidemill/system.h"

NB_MODULE(_native, module) {
  using namespace tidemill::python;
  module.doc() = "What tidemill's Python package is made of; import tidemill instead.";
  bind_error(module);
  bind_cache(module);
  bind_tokenizer(module);
  bind_tokenizer_training(module);
  bind_chat_template(module);
  bind_engine(module);
  bind_embedder(module);
  bind_service(module);
  bind_delta(module);
  bind_delta_arrays(module);
}
