#include "python/src/module.h"

#include "tidemill/system.h"

NB_MODULE(_native, module) {
  using namespace tidemill::python;
  module.doc() = "What tidemill's Python package is made of; import tidemill instead.";
  bind_error(module);
  bind_tokenizer(module);
  bind_chat_template(module);
  bind_engine(module);
  bind_embedder(module);
  bind_service(module);
}
