#include "serve/api_error.h"

#include <nlohmann/json.hpp>

namespace tidemill::serve {
namespace {

struct Row {
  ErrorCode code;
  int status;
  const char* name;
};

constexpr Row kRows[] = {
    {ErrorCode::invalid_argument, 400, ""},       {ErrorCode::context_full, 400, "context_length_exceeded"},
    {ErrorCode::queue_full, 503, "queue_full"},   {ErrorCode::out_of_memory, 503, "out_of_memory"},
    {ErrorCode::unsupported, 400, "unsupported"}, {ErrorCode::not_found, 404, "not_found"},
};

Row row_of(ErrorCode code) {
  for (const Row& row : kRows)
    if (row.code == code) return row;
  return {code, 500, "internal_error"};
}

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

}  // namespace

ApiError::ApiError(const Error& error)
    : ApiError(row_of(error.code()).status, printable(error.what()), {}, row_of(error.code()).name) {}

std::string ApiError::body() const {
  const auto or_null = [](const std::string& text) { return text.empty() ? nlohmann::json() : nlohmann::json(text); };
  const nlohmann::json error = {
      {"message", what()}, {"type", type_of(status_)}, {"param", or_null(param_)}, {"code", or_null(code_)}};
  return nlohmann::json{{"error", error}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

ApiError ApiError::with_headers(Headers headers) && {
  headers_ = std::move(headers);
  return std::move(*this);
}

HttpResponse ApiError::response() const {
  HttpResponse response{.status = status_, .body = body()};
  if (status_ == 503 || status_ == 429) response.headers["retry-after"] = "1";
  if (status_ == 401) response.headers["www-authenticate"] = "Bearer";
  for (const auto& [name, value] : headers_) response.headers[name] = value;
  return response;
}

}  // namespace tidemill::serve
