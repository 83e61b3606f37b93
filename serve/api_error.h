// ApiError: what a client gets when its request cannot be served, in OpenAI's form:
//   {"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
#pragma once

#include <stdexcept>
#include <string>

#include "serve/http.h"
#include "tidemill/error.h"

namespace tidemill::serve {

class ApiError : public std::runtime_error {
 public:
  // `param` is the field of the request that is wrong, empty when none is; `code` a word for programs, or empty.
  ApiError(int status, const std::string& message, std::string param = {}, std::string code = {})
      : std::runtime_error(message), status_(status), param_(std::move(param)), code_(std::move(code)) {}
  // The library's error as clients see it.
  explicit ApiError(const Error& error);

  // The error with headers of its own, which its response has besides the usual ones.
  ApiError with_headers(Headers headers) &&;

  int status() const { return status_; }
  // With Retry-After where trying again may help.
  HttpResponse response() const;
  // The body of the response: what a stream that has begun sends as its last event.
  std::string body() const;

 private:
  int status_;
  std::string param_;
  std::string code_;
  Headers headers_;
};

}  // namespace tidemill::serve
