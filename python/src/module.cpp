#include "python/src/module.h"

NB_MODULE(_native, module) {
  using namespace tidemill::python;
  module.doc() = "What tidemill's Python package is made of; import tidemill instead.";
  // What modules hold lives as long as the interpreter, which does not take all of it apart at its end.
  nanobind::set_leak_warnings(false);
  bind_error(module);
  bind_cache_statistics(module);
  bind_cache(module);
  bind_tokenizer(module);
  bind_tokenizer_training(module);
  bind_chat_template(module);
  bind_roofs(module);
  bind_profile(module);
  bind_request(module);
  bind_engine(module);
  bind_service(module);
  bind_session(module);
  bind_prompt_cache(module);
  bind_embedder(module);
  bind_embedding_service(module);
  bind_embedding_stream(module);
  bind_device_pool(module);
  bind_embed_job(module);
  bind_reranker(module);
  bind_model_info(module);
  bind_convert(module);
  bind_quantize(module);
  bind_delta(module);
  bind_delta_arrays(module);
  bind_delta_store(module);
  bind_system(module);
  bind_devices(module);
  bind_core_groups(module);
  bind_tensor_ops(module);
}
