#include "serve/socket_message.h"

#include "serve/fields.h"

namespace tidemill::serve {
namespace {

constexpr size_t kLongestId = 64;

}  // namespace

SocketMessage read_socket_message(const std::string& message, std::string& id) {
  const nlohmann::json body = parse_body(message);
  const Fields fields(body, "");
  const std::string given = fields.text("id").value_or("");
  if (given.empty() || given.size() > kLongestId) fields.fail("id", "must be a string of 1 to 64 bytes");
  id = given;
  if (fields.boolean("cancel").value_or(false)) return {.cancels = true};
  // The last of several members of one name counts.
  return {.path = fields.find("messages") != nullptr ? "/v1/chat/completions" : "/v1/completions",
          .body = "{\"stream\":true," + message.substr(message.find('{') + 1)};
}

}  // namespace tidemill::serve
