// The parts of the module tidemill._native, each in a file of its own named as the public header that it binds.
//
// Rules of all of them: what computes or waits does so without the GIL; errors of the library become the classes of
// tidemill/errors.py; no logic of their own.
#pragma once

#include <nanobind/nanobind.h>

namespace tidemill::python {

namespace nb = nanobind;

void bind_error(nb::module_& module);
void bind_cache(nb::module_& module);
void bind_cache_statistics(nb::module_& module);
void bind_delta(nb::module_& module);
void bind_delta_arrays(nb::module_& module);
void bind_delta_store(nb::module_& module);
void bind_chat_template(nb::module_& module);
void bind_tokenizer(nb::module_& module);
void bind_tokenizer_training(nb::module_& module);
void bind_engine(nb::module_& module);
void bind_embedder(nb::module_& module);
void bind_reranker(nb::module_& module);
void bind_model_info(nb::module_& module);
void bind_convert(nb::module_& module);
void bind_quantize(nb::module_& module);
void bind_service(nb::module_& module);
void bind_request(nb::module_& module);
void bind_session(nb::module_& module);
void bind_prompt_cache(nb::module_& module);
void bind_profile(nb::module_& module);
void bind_roofs(nb::module_& module);
void bind_devices(nb::module_& module);
void bind_device_pool(nb::module_& module);
void bind_core_groups(nb::module_& module);
void bind_embedding_service(nb::module_& module);
void bind_embedding_stream(nb::module_& module);
void bind_embed_job(nb::module_& module);
void bind_system(nb::module_& module);
void bind_tensor_ops(nb::module_& module);

}  // namespace tidemill::python
