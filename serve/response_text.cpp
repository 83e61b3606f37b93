#include "serve/response_text.h"

#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "tidemill/system.h"

namespace tidemill::serve {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kUsualHeadBytes = 256;

void add(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append(kLineEnd);
}

std::string_view reason_of(int status) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  return {reason.data(), reason.size()};
}

}  // namespace

std::string head_text(const HttpResponse& response, std::string_view id, const Headers& more, const Framing& framing) {
  static const std::string server = std::string("tidemill/") + version();
  std::string text;
  text.reserve(kUsualHeadBytes + framing.content_length.value_or(0));  // the body comes behind it
  text.append(framing.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ").append(std::to_string(response.status));
  text.append(" ").append(reason_of(response.status)).append(kLineEnd);
  add(text, "Server", server);
  if (!response.content_type.empty()) add(text, "Content-Type", response.content_type);
  add(text, "x-request-id", id);
  for (const auto& [name, value] : response.headers) add(text, name, value);
  for (const auto& [name, value] : more) add(text, name, value);
  if (framing.version >= 11 && !framing.keeps_alive) add(text, "Connection", "close");
  if (framing.version == 10 && framing.keeps_alive) add(text, "Connection", "keep-alive");
  if (framing.is_chunked) add(text, "Transfer-Encoding", "chunked");
  if (framing.content_length) add(text, "Content-Length", std::to_string(*framing.content_length));
  return text.append(kLineEnd);
}

std::string chunk_text(std::string_view piece) {
  std::array<char, 16> size = {};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16);
  std::string text;
  text.reserve(piece.size() + size.size() + 2 * kLineEnd.size());
  return text.append(size.data(), end.ptr).append(kLineEnd).append(piece).append(kLineEnd);
}

}  // namespace tidemill::serve
