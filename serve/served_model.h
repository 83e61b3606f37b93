// What the server serves: models by name, each with the service that runs it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "tidemill/chat_template.h"
#include "tidemill/service.h"

namespace tidemill::serve {

struct ServedModel {
  // A context length of 0 means 4,096 positions, or the model's own when that is less.  Throws what Engine::load and
  // Service throw.
  ServedModel(std::string its_name, const std::string& path, const EngineOptions& engine_options,
              const ServiceOptions& service_options);

  std::string name;
  Engine engine;
  std::optional<ChatTemplate> chat_template;  // none for a model that was not trained to chat
  int64_t created;                            // seconds since 1970
  Service service;
};

class ServedModels {
 public:
  ServedModel& add(std::string name, const std::string& path, const EngineOptions& engine_options,
                   const ServiceOptions& service_options);
  const std::deque<ServedModel>& all() const { return models_; }
  // The model of this name; without one, the only model there is.  Throws ApiError 404 for the field "model".
  ServedModel& find(const std::optional<std::string>& name);

 private:
  std::deque<ServedModel> models_;
};

}  // namespace tidemill::serve
