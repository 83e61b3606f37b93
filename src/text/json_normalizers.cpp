#include "text/json_fields.h"
#include "text/json_stages.h"

namespace tidemill {

std::unique_ptr<const Normalizer> normalizer_from_json(const nlohmann::json& value, const std::string& where) {
  if (value.is_null()) return nullptr;
  const JsonFields fields(value, where);
  fields.fail_unsupported("type", "is '" + fields.text("type") + "', which is not read yet");
}

}  // namespace tidemill
